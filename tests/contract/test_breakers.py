"""CircuitBreakers of several containers that share what they know, on each kind of Redis."""

import asyncio

import pytest

from shared.cache import keyspace
from shared.errors import CircuitOpenError, InferenceError
from shared.inference.circuit_breaker import CircuitBreaker, CircuitBreakers
from shared.inference.shared_breaker import SharedBreakers, SharedProbes
from tests.support.caches import Cache

MODEL, URL = "model", "https://models.example"


class Containers:
    """CircuitBreakers of one model in several containers, behind one cache."""

    def __init__(self, cache: Cache) -> None:
        self.cache = cache.with_settings(
            breaker_min_calls=4,
            breaker_window=60,
            breaker_open_seconds=30,
            stale_if_error_seconds=0,
        )
        self.now = 1_000_000.0
        self.partition = 0
        self.opened = 0

    def breaker(self) -> CircuitBreaker:
        probes = SharedProbes(lambda: self.cache.redis_client)
        return CircuitBreaker(
            MODEL, URL, self.cache.settings, probes=probes, clock=lambda: self.now
        )

    async def meet(self, breaker: CircuitBreaker) -> None:
        """Let a container make a round trip."""
        self.partition += 1  # each time another user's, with keys in another slot
        other = CircuitBreaker("other", URL, self.cache.settings)
        shared = SharedBreakers(CircuitBreakers(breaker, other), self.partition)
        shared.learn(await self.cache.redis_client.execute(*shared.exchange(asking=True)))
        news, opened = shared.news()
        if news:
            await self.cache.redis_client.execute(*news)
            shared.told()
            self.opened += opened

    async def left(self) -> float:
        """How long the pause is that a container hears of which knows nothing."""
        breaker = self.breaker()
        await self.meet(breaker)
        return breaker.left or 0.0


@pytest.fixture
def containers(cache: Cache) -> Containers:
    return Containers(cache)


async def fail(breaker: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        with pytest.raises(InferenceError):
            async with breaker.call():
                raise InferenceError("no")


async def test_failures_add_up_over_containers(containers: Containers) -> None:
    """None of them has met enough by itself."""
    first, second, third = (containers.breaker() for _ in range(3))
    await fail(first, 2)
    await containers.meet(first)
    await fail(second, 2)
    await containers.meet(second)
    await containers.meet(third)
    assert (second.state, third.state) == ("open", "open")


async def test_calls_are_told_once(containers: Containers) -> None:
    breaker = containers.breaker()
    await fail(breaker, 3)
    for _ in range(4):
        await containers.meet(breaker)
    assert breaker.state == "closed"


async def test_what_one_opens_is_open_for_all(containers: Containers) -> None:
    first, second = containers.breaker(), containers.breaker()
    await fail(first, 4)
    await containers.meet(first)
    await containers.meet(second)
    with pytest.raises(CircuitOpenError):
        async with second.call():
            pytest.fail("the model was called")


async def test_one_container_probes_and_closes_it_for_all(containers: Containers) -> None:
    first, second = containers.breaker(), containers.breaker()
    await fail(first, 4)
    await containers.meet(first)
    await containers.meet(second)
    containers.now += 30
    async with first.call():
        with pytest.raises(CircuitOpenError):
            async with second.call():
                pytest.fail("two probes at once")
    await containers.meet(first)
    await containers.meet(second)
    assert (first.state, second.state) == ("closed", "closed")
    await fail(second, 3)
    await containers.meet(second)
    assert second.state == "closed"  # what failed before the probe is forgotten


async def test_an_evicted_pause_goes_on_where_it_is_known(containers: Containers) -> None:
    first = containers.breaker()
    await fail(first, 4)
    await containers.meet(first)
    await containers.cache.flush()
    await containers.meet(first)
    assert first.state == "open"


async def test_what_opens_while_other_news_is_on_its_way_is_told_with_the_next(
    containers: Containers,
) -> None:
    chat, embeddings = containers.breaker(), containers.breaker()
    embeddings.id = "another"
    shared = SharedBreakers(CircuitBreakers(chat, embeddings), 1)
    await fail(chat, 4)
    news, _ = shared.news()
    await fail(embeddings, 4)
    await containers.cache.redis_client.execute(*news)
    shared.told()
    assert (chat.news, embeddings.news) == (None, containers.now)


async def test_a_server_that_is_away_says_nothing_of_pauses(containers: Containers) -> None:
    breaker = containers.breaker()
    await fail(breaker, 4)
    await containers.meet(breaker)
    containers.now += 30
    shared = SharedBreakers(CircuitBreakers(breaker, containers.breaker()), 1)
    shared.learn([None for _ in shared.exchange(asking=True)])
    assert breaker.state == "half-open"


async def test_a_probe_that_fails_lets_another_container_probe_next(
    containers: Containers,
) -> None:
    first, second = containers.breaker(), containers.breaker()
    await fail(first, 4)
    await containers.meet(first)
    containers.now += 30
    await fail(first, 1)
    await containers.meet(first)
    await containers.meet(second)
    assert second.state == "open"
    containers.now += 30
    async with second.call():
        pass
    assert second.state == "closed"


async def test_what_opened_while_redis_was_away_is_told_when_it_is_back(
    containers: Containers,
) -> None:
    first, second = containers.breaker(), containers.breaker()
    await fail(first, 4)
    assert first.state == "open"
    await containers.meet(first)
    assert first.state == "open"
    await containers.meet(second)
    assert second.state == "open"


async def test_a_pause_that_is_over_is_known_to_newcomers(cache: Cache) -> None:
    """They probe, one at a time, and do not call as if nothing had been."""
    containers = Containers(cache.with_settings(breaker_open_seconds=0.2))
    containers.cache = containers.cache.with_settings(breaker_open_seconds=0.2)
    first, newcomer = containers.breaker(), containers.breaker()
    await fail(first, 4)
    await containers.meet(first)
    await asyncio.sleep(0.3)
    await containers.meet(newcomer)
    assert newcomer.state == "half-open"


async def test_a_few_failures_among_many_containers_open_nothing(containers: Containers) -> None:
    """Each of them makes one call only: whoever was answered must be heard of, too."""
    for number in range(40):
        breaker = containers.breaker()
        if number % 8 == 0:
            await fail(breaker, 1)
        else:
            async with breaker.call():
                pass
        await containers.meet(breaker)
    assert containers.opened == 0


async def test_stragglers_neither_open_it_anew_nor_lengthen_the_pause(
    containers: Containers,
) -> None:
    """Their calls began before anybody knew."""
    first = containers.breaker()
    stragglers = [containers.breaker() for _ in range(6)]
    await fail(first, 4)
    await containers.meet(first)
    for straggler in stragglers:
        containers.now += 2
        await fail(straggler, 1)
        await containers.meet(straggler)
        assert straggler.state == "open"
    assert containers.opened == 1
    assert (await containers.left()) == pytest.approx(30, abs=1)  # Redis has its own clock


async def test_a_probe_that_is_given_up_is_soon_anothers(containers: Containers) -> None:
    first, second = containers.breaker(), containers.breaker()
    await fail(first, 4)
    await containers.meet(first)
    await containers.meet(second)
    containers.now += 30
    with pytest.raises(asyncio.CancelledError):
        async with first.call():
            raise asyncio.CancelledError
    async with second.call():
        pass
    assert second.state == "closed"


@pytest.mark.parametrize("value", [b"9" * 400, b"soon", b"-1"])
async def test_a_foreign_value_under_its_key_is_no_pause(
    containers: Containers, value: bytes
) -> None:
    breaker = containers.breaker()
    key = keyspace.breaker_pause(1, breaker.id)
    await containers.cache.redis("SET", key, value)
    await containers.meet(breaker)
    assert breaker.state == "closed"
    await containers.cache.redis("UNLINK", key)
    await containers.cache.redis("HSET", key, "a", value)
    containers.partition = 0
    await containers.meet(breaker)
    assert breaker.state == "closed"


async def test_every_key_has_an_end(containers: Containers) -> None:
    breaker = containers.breaker()
    await fail(breaker, 4)
    await containers.meet(breaker)
    containers.now += 30
    async with breaker.call():
        for key in await containers.cache.scan():
            assert int(str(await containers.cache.redis("TTL", key))) > 0
