"""Who waits for somebody else's answer, and what they learn where none comes."""

from contextlib import suppress

import pytest

from shared.cache.feedback import _STORE_REFUSAL
from shared.cache.session import CacheSession
from shared.deadline import deadline_scope
from shared.errors import CircuitOpenError, ConfigurationError, TercetError, UnavailableError
from tests.support.caches import Cache, a_vector, keys, sources

QUESTION = "what is faith"


async def waiter(cache: Cache) -> CacheSession:
    session = cache.session()
    await session.lookup()
    assert not (await session.load_miss_context()).lock_acquired
    return session


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (CircuitOpenError("left alone", retry_after=7), CircuitOpenError),
        (ConfigurationError("no token"), ConfigurationError),
        (RuntimeError("a fault of ours"), UnavailableError),
    ],
)
async def test_a_waiter_is_told_what_failed_and_what_was_found_until_then(
    cache: Cache, failure: Exception, told: type[TercetError]
) -> None:
    """With the passages it can make do, as the owner can."""
    owner = cache.session()
    await owner.lookup()
    assert (await owner.load_miss_context()).lock_acquired
    waiting = await waiter(cache)
    with suppress(type(failure)):
        async with owner.hold_lock():
            await owner.store(a_vector(QUESTION), sources(), None)
            raise failure
    with deadline_scope(5):
        found = await waiting.wait_for_leader()
    assert type(found.leader_error) is told
    assert found.sources == sources()
    if isinstance(failure, CircuitOpenError):
        assert getattr(found.leader_error, "retry_after", None) == 7


async def test_that_there_is_nothing_to_search_is_known_to_who_waits(cache: Cache) -> None:
    owner = cache.session()
    await owner.lookup()
    await owner.load_miss_context()
    waiting = await waiter(cache)
    async with owner.hold_lock():
        await owner.store(a_vector(QUESTION), [], None)
    with deadline_scope(5):
        found = await waiting.wait_for_leader()
    assert (found.is_final, found.answer) == (True, None)


async def test_a_match_that_is_refused_after_its_user_was_forgotten_brings_nothing_back(
    cache: Cache,
) -> None:
    await cache.redis_client.execute(_STORE_REFUSAL.call([keys().questions], "a-field", "an entry"))
    assert await cache.scan() == []
