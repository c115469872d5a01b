"""Contract of requests that wait for the single-flight lock's holder, when it stores no answer."""

from contextlib import suppress

import pytest

from shared.cache.feedback import _STORE_REFUSAL
from shared.cache.session import CacheSession
from shared.deadline import deadline_scope
from shared.errors import CircuitOpenError, ConfigurationError, TercetError, UnavailableError
from tests.support.caches import Cache, a_vector, keys, sources

QUESTION = "what is faith"


async def waiting_session(cache: Cache) -> CacheSession:
    session = cache.session()
    await session.lookup()
    assert not (await session.load_miss_context()).may_generate
    return session


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (CircuitOpenError("the circuit is open", retry_after=7), CircuitOpenError),
        (ConfigurationError("no token"), ConfigurationError),
        (RuntimeError("a bug"), UnavailableError),
    ],
)
async def test_waiting_request_gets_the_holders_error_and_context(
    cache: Cache, failure: Exception, expected: type[TercetError]
) -> None:
    """The context allows an extractive answer."""
    holder = cache.session()
    await holder.lookup()
    assert (await holder.load_miss_context()).may_generate
    waiting = await waiting_session(cache)
    with suppress(type(failure)):
        async with holder.hold_lock():
            await holder.store(a_vector(QUESTION), sources(), None)
            raise failure
    with deadline_scope(5):
        found = await waiting.wait_for_holder()
    assert type(found.holder_error) is expected
    assert found.sources == sources()
    if isinstance(failure, CircuitOpenError):
        assert getattr(found.holder_error, "retry_after", None) == 7


async def test_waiting_request_gets_the_empty_context_of_a_user_without_notes(cache: Cache) -> None:
    holder = cache.session()
    await holder.lookup()
    await holder.load_miss_context()
    waiting = await waiting_session(cache)
    async with holder.hold_lock():
        await holder.store(a_vector(QUESTION), [], None)
    with deadline_scope(5):
        found = await waiting.wait_for_holder()
    assert (found.is_final, found.answer) == (True, None)


async def test_store_refusal_creates_no_key_of_a_deleted_user(
    cache: Cache,
) -> None:
    await cache.redis_client.execute(_STORE_REFUSAL.call([keys().questions], "a-field", "an entry"))
    assert await cache.scan() == []
