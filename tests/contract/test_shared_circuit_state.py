"""Circuit breakers of several containers that share their state, on each kind of Redis."""

import asyncio

import pytest

from shared.cache.counters import PendingCounters
from shared.cache.session import CacheSession
from shared.errors import CircuitOpenError, InferenceError
from shared.inference.circuit_breaker import CallReport, CircuitBreaker
from shared.inference.shared_circuit_state import (
    HALF_OPEN_SECONDS,
    SharedCircuitState,
    SharedProbeLock,
    breaker_keys,
)
from tests.support.caches import PIPELINE, Cache, a_vector, sources

MODEL, URL = "model", "https://models.example"


class Containers:
    """Circuit breakers of one model in several containers with one cache."""

    def __init__(self, cache: Cache, *, open_seconds: float = 30) -> None:
        self.cache = cache.with_settings(
            breaker_min_calls=4,
            breaker_window=60,
            breaker_open_seconds=open_seconds,
            stale_if_error_seconds=0,
        )
        self.now = 1_000_000.0
        self.counters = PendingCounters()

    def breaker(self) -> CircuitBreaker:
        probe_lock = SharedProbeLock(lambda: self.cache.redis_client)
        return CircuitBreaker(
            MODEL, URL, self.cache.settings, probe_lock=probe_lock, clock=lambda: self.now
        )

    async def exchange(self, breaker: CircuitBreaker) -> None:
        """Make a round trip of one container."""
        other = CircuitBreaker("other", URL, self.cache.settings)
        shared = SharedCircuitState([breaker, other], self.counters)
        shared.receive(await self.cache.redis_client.execute(*shared.commands()))

    async def remaining_open_seconds(self) -> float:
        """Return what a new container reads."""
        breaker = self.breaker()
        await self.exchange(breaker)
        return breaker.remaining_open_seconds or 0.0

    def opened(self) -> int:
        return self.counters.take().get("breaker_opens", 0)


@pytest.fixture
def containers(cache: Cache) -> Containers:
    return Containers(cache)


async def fail(breaker: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        with pytest.raises(InferenceError):
            async with breaker.call():
                raise InferenceError("no")


async def test_failures_add_up_over_containers(containers: Containers) -> None:
    """No container alone has the minimum number of calls."""
    first, second, third = (containers.breaker() for _ in range(3))
    await fail(first, 2)
    await containers.exchange(first)
    await fail(second, 2)
    await containers.exchange(second)
    await containers.exchange(third)
    assert (second.state, third.state) == ("open", "open")


async def test_calls_are_reported_once(containers: Containers) -> None:
    breaker = containers.breaker()
    await fail(breaker, 3)
    for _ in range(4):
        await containers.exchange(breaker)
    assert breaker.state == "closed"


async def test_breaker_that_one_container_opens_is_open_for_all(containers: Containers) -> None:
    first, second = containers.breaker(), containers.breaker()
    await fail(first, 4)
    await containers.exchange(first)
    await containers.exchange(second)
    with pytest.raises(CircuitOpenError):
        async with second.call():
            pytest.fail("the model was called")


async def test_one_container_probes_and_closes_the_breaker_for_all(containers: Containers) -> None:
    first, second = containers.breaker(), containers.breaker()
    await fail(first, 4)
    await containers.exchange(first)
    await containers.exchange(second)
    containers.now += 30
    async with first.call():
        with pytest.raises(CircuitOpenError):
            async with second.call():
                pytest.fail("two probes at once")
    await containers.exchange(first)
    await containers.exchange(second)
    assert (first.state, second.state) == ("closed", "closed")
    await fail(second, 3)
    await containers.exchange(second)
    assert second.state == "closed", "failures before the probe counted"


async def test_breaker_stays_open_where_it_is_known_after_an_eviction(
    containers: Containers,
) -> None:
    first = containers.breaker()
    await fail(first, 4)
    await containers.exchange(first)
    await containers.cache.flush()
    await containers.exchange(first)
    assert first.state == "open"


async def test_missing_replies_of_a_cluster_node_change_nothing(containers: Containers) -> None:
    breaker = containers.breaker()
    await fail(breaker, 4)
    await containers.exchange(breaker)
    containers.now += 30
    shared = SharedCircuitState([breaker, containers.breaker()])
    shared.receive([None for _ in shared.commands()])
    assert breaker.state == "half-open"


async def test_all_commands_are_optional(containers: Containers) -> None:
    """So a request does not fail with the cluster node that holds the shared state."""
    failing, idle = containers.breaker(), containers.breaker()
    await fail(failing, 1)
    assert all(each.optional for each in SharedCircuitState([failing, idle]).commands())


async def test_after_a_failed_probe_another_container_may_probe(containers: Containers) -> None:
    first, second = containers.breaker(), containers.breaker()
    await fail(first, 4)
    await containers.exchange(first)
    containers.now += 30
    await fail(first, 1)
    await containers.exchange(first)
    await containers.exchange(second)
    assert second.state == "open"
    containers.now += 30
    async with second.call():
        pass
    assert second.state == "closed"


async def test_failures_while_redis_was_away_are_reported_when_it_is_back(
    containers: Containers,
) -> None:
    first, second = containers.breaker(), containers.breaker()
    await fail(first, 4)
    assert first.state == "open"
    await containers.exchange(first)
    assert first.state == "open"
    await containers.exchange(second)
    assert second.state == "open"


async def test_new_container_finds_a_half_open_breaker(cache: Cache) -> None:
    """It probes, and does not call the model as if it had not failed."""
    containers = Containers(cache, open_seconds=0.2)
    first, new = containers.breaker(), containers.breaker()
    await fail(first, 4)
    await containers.exchange(first)
    await asyncio.sleep(0.3)
    await containers.exchange(new)
    assert new.state == "half-open"


async def test_few_failures_of_many_containers_do_not_open_the_breaker(
    containers: Containers,
) -> None:
    """Each container makes one call: successful calls must be reported, too."""
    for number in range(40):
        breaker = containers.breaker()
        if number % 8 == 0:
            await fail(breaker, 1)
        else:
            async with breaker.call():
                pass
        await containers.exchange(breaker)
    assert containers.opened() == 0


async def test_late_failures_neither_open_the_breaker_again_nor_keep_it_open_longer(
    containers: Containers,
) -> None:
    """The calls began before the breaker opened."""
    first = containers.breaker()
    late = [containers.breaker() for _ in range(6)]
    await fail(first, 4)
    await containers.exchange(first)
    left = 1_000 * (HALF_OPEN_SECONDS + 20)  # milliseconds
    await containers.cache.redis("PEXPIRE", breaker_keys(first.id).state, left)
    for breaker in late:
        containers.now += 2
        await fail(breaker, 1)
        await containers.exchange(breaker)
        assert breaker.state == "open"
    assert containers.opened() == 1
    assert 0 < await containers.remaining_open_seconds() <= 20


async def test_cancelled_probe_lets_another_container_probe(containers: Containers) -> None:
    first, second = containers.breaker(), containers.breaker()
    await fail(first, 4)
    await containers.exchange(first)
    await containers.exchange(second)
    containers.now += 30
    with pytest.raises(asyncio.CancelledError):
        async with first.call():
            raise asyncio.CancelledError
    async with second.call():
        pass
    assert second.state == "closed"


@pytest.mark.parametrize("value", [b"9" * 400, b"soon", b"-1"])
async def test_foreign_values_do_not_open_the_breaker(containers: Containers, value: bytes) -> None:
    breaker = containers.breaker()
    key = breaker_keys(breaker.id).state
    await containers.cache.redis("SET", key, value)
    await containers.exchange(breaker)
    assert breaker.state == "closed"
    await containers.cache.redis("UNLINK", key)
    await containers.cache.redis("HSET", key, "a", value)
    await containers.exchange(breaker)
    assert breaker.state == "closed"


@pytest.mark.parametrize("command", ["SET {} x", "LPUSH {} x", "HSET {} total soon failed 1"])
async def test_foreign_values_do_not_keep_the_breaker_closed(
    containers: Containers, command: str
) -> None:
    if "fakeredis" in type(getattr(containers.cache.redis_client, "_client", None)).__module__:
        pytest.skip("fakeredis words errors of scripts in its own way")
    first, second = containers.breaker(), containers.breaker()
    for key in (breaker_keys(first.id).state, breaker_keys(first.id).counters):
        await containers.cache.redis(*command.format(key).split())
    await fail(first, 4)
    await containers.exchange(first)
    await containers.exchange(second)
    assert second.state == "open"


async def test_every_key_expires(containers: Containers) -> None:
    breaker = containers.breaker()
    await fail(breaker, 1)
    await containers.exchange(breaker)
    assert await containers.cache.scan()
    await fail(breaker, 3)
    await containers.exchange(breaker)
    containers.now += 30
    async with breaker.call():
        for key in await containers.cache.scan():
            assert int(str(await containers.cache.redis("TTL", key))) > 0


def open_session(containers: Containers, breaker: CircuitBreaker) -> CacheSession:
    return CacheSession(
        containers.cache.redis_client,
        containers.cache.settings,
        user_id="ann",
        question="what is faith",
        pipeline=PIPELINE,
        extension=SharedCircuitState([breaker]),
    )


async def test_exact_hit_neither_reads_nor_reports(containers: Containers) -> None:
    await containers.cache.ask()
    first, second = containers.breaker(), containers.breaker()
    await fail(first, 4)
    assert (await open_session(containers, first).lookup()).is_final
    assert first.take_report() == CallReport(calls=4, failures=4)
    await fail_and_exchange(containers)
    assert (await open_session(containers, second).lookup()).is_final
    assert second.state == "closed"


async def fail_and_exchange(containers: Containers) -> None:
    breaker = containers.breaker()
    await fail(breaker, 4)
    await containers.exchange(breaker)


async def test_miss_reads_the_state_with_its_context_and_reports_when_it_stores(
    containers: Containers,
) -> None:
    breaker = containers.breaker()
    session = open_session(containers, breaker)
    await session.lookup()
    await session.load_miss_context()
    await fail(breaker, 4)
    await session.store(a_vector("what is faith"), sources(), None)
    reader = containers.breaker()
    session = open_session(containers, reader)
    await session.lookup()
    assert reader.state == "closed"
    await session.load_miss_context()
    assert reader.state == "open"


async def test_failed_generation_is_reported_when_the_lock_is_released(
    containers: Containers,
) -> None:
    breaker, reader = containers.breaker(), containers.breaker()
    session = open_session(containers, breaker)
    await session.lookup()
    await session.load_miss_context()
    async with session.hold_lock():
        await fail(breaker, 4)
    await containers.exchange(reader)
    assert reader.state == "open"
