"""Breakers of several containers that share what they know, on each kind of Redis."""

import pytest

from shared.cache.breakers import SharedBreakers, claim_probe
from shared.errors import BreakerOpenError, InferenceError
from shared.inference.breaker import Breaker
from tests.support.caches import Cache

MODEL, URL = "model", "https://models.example"


class Containers:
    """Breakers of one model in several containers, behind one cache."""

    def __init__(self, cache: Cache) -> None:
        self.cache = cache.with_settings(
            breaker_min_calls=4, breaker_window=60, breaker_pause=30, stale_grace=0
        )
        self.now = 1_000_000.0
        self.partition = 0

    def breaker(self) -> Breaker:
        async def claim(breaker_id: str) -> bool:
            return await claim_probe(self.cache.connection, breaker_id)

        return Breaker(MODEL, URL, self.cache.settings, claim=claim, clock=lambda: self.now)

    async def meet(self, breaker: Breaker) -> None:
        """Let a container make a round trip."""
        self.partition += 1  # each time another user's, with keys in another slot
        shared = SharedBreakers([breaker], self.partition)
        replies = await self.cache.connection.run(*shared.exchange(asking=True))
        shared.learn(replies, asking=True)
        news, _ = shared.news()
        if news:
            await self.cache.connection.run(*news)


@pytest.fixture
def containers(cache: Cache) -> Containers:
    return Containers(cache)


async def fail(breaker: Breaker, times: int) -> None:
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
    with pytest.raises(BreakerOpenError):
        async with second.call():
            pytest.fail("the model was called")


async def test_one_container_probes_and_closes_it_for_all(containers: Containers) -> None:
    first, second = containers.breaker(), containers.breaker()
    await fail(first, 4)
    await containers.meet(first)
    await containers.meet(second)
    containers.now += 30
    async with first.call():
        with pytest.raises(BreakerOpenError):
            async with second.call():
                pytest.fail("two probes at once")
    await containers.meet(first)
    await containers.meet(second)
    assert (first.state, second.state) == ("closed", "closed")
    await fail(second, 3)
    await containers.meet(second)
    assert second.state == "closed"  # what failed before the probe is forgotten


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


async def test_every_key_has_an_end(containers: Containers) -> None:
    breaker = containers.breaker()
    await fail(breaker, 4)
    await containers.meet(breaker)
    containers.now += 30
    async with breaker.call():
        for key in await containers.cache.scan():
            assert int(str(await containers.cache.redis("TTL", key))) > 0
