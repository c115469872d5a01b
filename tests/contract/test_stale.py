"""Answers whose time is up, on each kind of Redis: kept for a while, never once they are wrong."""

import pytest

from shared.cache.feedback import Feedback
from shared.cache.results import LookupResult
from tests.support.caches import Cache, a_vector, an_answer, keys, sources
from tests.support.clock import Clock

QUESTION = "what is faith"


@pytest.fixture
async def expired(cache: Cache, clock: Clock) -> Cache:
    """A cache whose one answer's time is up, within its grace."""
    short = cache.with_settings(answer_ttl=300, context_ttl=300, stale_if_error_seconds=3_600)
    await short.ask()
    clock.ahead += 301
    return short


async def test_an_answer_whose_time_is_up_is_found_by_nobody_who_does_not_ask_for_it(
    expired: Cache,
) -> None:
    session = expired.session()
    assert await session.lookup() == LookupResult()
    assert not (await session.load_miss_context()).candidates
    other = expired.session(question="define faith")
    await other.lookup()
    assert not (await other.load_miss_context()).candidates


async def test_it_is_found_by_who_does(expired: Cache) -> None:
    session = expired.session()
    await session.lookup()
    found = await session.get_stale()
    assert found.answer
    assert found.answer.text == an_answer().text
    assert found.sources == sources()


async def test_another_wordings_match_lasts_as_long(cache: Cache, clock: Clock) -> None:
    short = cache.with_settings(answer_ttl=300, stale_if_error_seconds=3_600)
    await short.ask()
    session = short.session(question="define faith")
    await session.lookup()
    (target,) = (await session.load_miss_context()).candidates.items()
    assert await session.store_alias(a_vector("define faith"), sources(), target, 0.93)
    clock.ahead += 301
    session = short.session(question="define faith")
    assert await session.lookup() == LookupResult()
    assert (await session.get_stale()).matched_question == QUESTION
    assert await session.get_stale(aliases=False) == LookupResult()


async def test_what_a_note_change_dropped_is_not_found(expired: Cache) -> None:
    index = await expired.invalidation().rotate_fence("ann")
    await expired.invalidation().drop_entries("ann", list(index))
    assert await expired.session().get_stale() == LookupResult()


async def test_a_note_change_finds_it_in_the_index(expired: Cache) -> None:
    """Else the change could not drop it."""
    assert len(await expired.invalidation().rotate_fence("ann")) == 1


async def test_a_deleted_user_leaves_nothing_stale(expired: Cache) -> None:
    await expired.invalidation().delete_user("ann")
    assert await expired.session().get_stale() == LookupResult()


async def test_a_new_context_does_not_take_its_place(expired: Cache) -> None:
    """A model that fails would otherwise cost the very answer that could stand in for it."""
    session = expired.session()
    await session.lookup()
    await session.load_miss_context()
    await session.store(a_vector(QUESTION), sources(), None)
    assert (await expired.session().get_stale()).answer


async def test_a_new_answer_takes_its_place(expired: Cache) -> None:
    session = expired.session()
    await session.lookup()
    await session.load_miss_context()
    answer = an_answer("Trust [1].")
    assert await session.store(a_vector(QUESTION), sources(), answer)
    assert (await expired.session().get_stale()).answer == answer


async def test_after_its_grace_it_is_gone(cache: Cache, clock: Clock) -> None:
    short = cache.with_settings(answer_ttl=300, stale_if_error_seconds=600)
    await short.ask()
    clock.ahead += 899
    assert (await short.session().get_stale()).answer
    clock.ahead += 2
    assert await short.session().get_stale() == LookupResult()
    assert await short.redis("HLEN", keys().answers) == 0


async def test_a_context_takes_the_place_of_nothing_that_leads_to_an_answer(
    cache: Cache,
) -> None:
    """Neither of another wording's match, nor of the word that there must be none."""
    await cache.ask()
    session = cache.session(question="define faith")
    await session.lookup()
    (target,) = (await session.load_miss_context()).candidates.items()
    await session.store_alias(a_vector("define faith"), sources(), target, 0.93)
    failing = cache.session(question="define faith")
    await failing.lookup(aliases=False)
    await failing.load_miss_context()
    assert not await failing.store(a_vector("define faith"), sources(), None)
    found = await cache.session(question="define faith").lookup()
    assert found.answer
    assert found.matched_question == QUESTION
    await Feedback(cache.redis_client).reject_answer(
        "ann", f"{found.answer.answer_id}.{found.alias}"
    )
    failing = cache.session(question="define faith")
    await failing.lookup()
    await failing.load_miss_context()
    assert not await failing.store(a_vector("define faith"), sources(), None)
    again = cache.session(question="define faith")
    await again.lookup()
    assert not (await again.load_miss_context()).candidates


async def test_another_question_does_not_share_an_answer_whose_time_is_up(
    cache: Cache, clock: Clock
) -> None:
    short = cache.with_settings(answer_ttl=300, stale_if_error_seconds=3_600)
    await short.ask()
    session = short.session(question="define faith")
    await session.lookup()
    (target,) = (await session.load_miss_context()).candidates.items()
    clock.ahead += 301
    assert await session.get_answer(*target) == LookupResult()
    assert await session.store_alias(a_vector("define faith"), sources(), target, 0.93) is None


async def test_a_context_does_not_stay_fresh_by_failing_again_and_again(
    cache: Cache, clock: Clock
) -> None:
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
