"""Contract of stale-if-error answers, on each kind of Redis."""

import pytest

from shared.cache.results import LookupResult
from tests.support.caches import Cache, a_vector, an_answer, keys, sources
from tests.support.clock import Clock

QUESTION = "what is faith"


@pytest.fixture
async def expired(cache: Cache, clock: Clock) -> Cache:
    """A cache with one expired answer within stale-if-error."""
    short = cache.with_settings(answer_ttl=300, context_ttl=300, stale_if_error_seconds=3_600)
    await short.ask()
    clock.ahead += 301
    return short


async def test_expired_answer_is_no_hit_and_no_candidate(
    expired: Cache,
) -> None:
    session = expired.session()
    assert await session.lookup() == LookupResult()
    assert not (await session.load_miss_context()).matchable_entries
    other = expired.session(question="define faith")
    await other.lookup()
    assert not (await other.load_miss_context()).matchable_entries


async def test_get_stale_returns_an_expired_answer(expired: Cache) -> None:
    session = expired.session()
    await session.lookup()
    found = await session.get_stale()
    assert found.answer
    assert found.answer.text == an_answer().text
    assert found.sources == sources()


async def test_get_stale_follows_an_expired_alias(cache: Cache, clock: Clock) -> None:
    short = cache.with_settings(answer_ttl=300, stale_if_error_seconds=3_600)
    await short.ask()
    session = short.session(question="define faith")
    await session.lookup()
    (target,) = (await session.load_miss_context()).matchable_entries.items()
    assert await session.store_alias(a_vector("define faith"), sources(), target, 0.93)
    clock.ahead += 601  # the match doubled the TTL
    session = short.session(question="define faith")
    assert await session.lookup() == LookupResult()
    assert (await session.get_stale()).matched_question == QUESTION
    exact = short.session(question="define faith", exact=True)
    await exact.lookup()
    assert await exact.get_stale() == LookupResult()


async def test_get_stale_does_not_return_a_dropped_answer(expired: Cache) -> None:
    index = await expired.invalidation().rotate_fence("ann")
    await expired.invalidation().drop_entries("ann", list(index))
    assert await expired.session().get_stale() == LookupResult()


async def test_rotate_fence_returns_expired_entries(expired: Cache) -> None:
    """A note change must be able to drop them."""
    assert len(await expired.invalidation().rotate_fence("ann")) == 1


async def test_get_stale_returns_nothing_of_a_deleted_user(expired: Cache) -> None:
    await expired.invalidation().delete_user("ann")
    assert await expired.session().get_stale() == LookupResult()


async def test_context_does_not_replace_an_expired_answer(expired: Cache) -> None:
    """The expired answer is what a request gets while the model fails."""
    session = expired.session()
    await session.lookup()
    await session.load_miss_context()
    await session.store(a_vector(QUESTION), sources(), None)
    assert (await expired.session().get_stale()).answer


async def test_new_answer_replaces_an_expired_answer(expired: Cache) -> None:
    session = expired.session()
    await session.lookup()
    await session.load_miss_context()
    answer = an_answer("Trust [1].")
    assert await session.store(a_vector(QUESTION), sources(), answer)
    assert (await expired.session().get_stale()).answer == answer


async def test_answer_is_deleted_after_stale_if_error(cache: Cache, clock: Clock) -> None:
    short = cache.with_settings(answer_ttl=300, stale_if_error_seconds=600)
    await short.ask()
    clock.ahead += 880
    assert (await short.session().get_stale()).answer
    clock.ahead += 21
    assert await short.session().get_stale() == LookupResult()
    assert await short.redis("HLEN", keys().answers) == 0


async def test_context_does_not_replace_an_alias(cache: Cache) -> None:
    await cache.ask()
    session = cache.session(question="define faith")
    await session.lookup()
    (target,) = (await session.load_miss_context()).matchable_entries.items()
    await session.store_alias(a_vector("define faith"), sources(), target, 0.93)
    failing = cache.session(question="define faith", exact=True)
    await failing.lookup()
    await failing.load_miss_context()
    assert not await failing.store(a_vector("define faith"), sources(), None)
    found = await cache.session(question="define faith").lookup()
    assert found.answer
    assert found.matched_question == QUESTION


async def test_alias_of_an_expired_answer_is_not_stored(cache: Cache, clock: Clock) -> None:
    short = cache.with_settings(answer_ttl=300, stale_if_error_seconds=3_600)
    await short.ask()
    session = short.session(question="define faith")
    await session.lookup()
    (target,) = (await session.load_miss_context()).matchable_entries.items()
    clock.ahead += 301
    assert await session.get_answer(*target) == LookupResult()
    assert not await session.store_alias(a_vector("define faith"), sources(), target, 0.93)


async def test_repeated_failures_do_not_extend_a_context(cache: Cache, clock: Clock) -> None:
    short = cache.with_settings(context_ttl=300)
    for fresh in (False, True, True):
        session = short.session()
        found = await session.lookup()
        assert (found.sources is not None) == fresh
        await session.load_miss_context()
        assert await session.store(a_vector(QUESTION), sources(), None) != fresh
        clock.ahead += 90
    clock.ahead += 31
    assert await short.session().lookup() == LookupResult()
