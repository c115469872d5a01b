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


async def test_lock_is_not_acquired_if_an_answer_was_stored_after_the_lookup(cache: Cache) -> None:
    late = cache.session()
    await late.lookup()
    answer = await cache.ask()
    context = await late.load_miss_context()
    assert not context.may_generate
    with deadline_scope(5):
        found = await late.wait_for_holder()
    assert found.answer == answer
    assert found.sources == sources()


async def test_exact_request_acquires_the_lock_of_a_question_with_an_alias(cache: Cache) -> None:
    await cache.ask()
    session, exact = (cache.session(question="define faith", exact=each) for each in (False, True))
    await session.lookup()
    (target,) = (await session.load_miss_context()).matchable_entries.items()
    await exact.lookup()
    assert await session.store_alias(a_vector("define faith"), sources(), target, 0.93)
    assert (await exact.load_miss_context()).may_generate


async def test_lock_is_acquired_if_the_answer_was_evicted(cache: Cache) -> None:
    await cache.ask()
    await cache.redis("UNLINK", keys().answers)
    session = cache.session()
    await session.lookup()
    assert (await session.load_miss_context()).may_generate


async def test_store_refusal_creates_no_key_of_a_deleted_user(cache: Cache) -> None:
    script_keys = [*keys().hashes, keys().refusals]
    call = _STORE_REFUSAL.call(script_keys, "a-field", "a-pair", 0, 60, 10)
    await cache.redis_client.execute(call)
    assert await cache.scan() == []
