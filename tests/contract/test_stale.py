"""Answers whose time is up, on each kind of Redis: kept for a while, never once they are wrong."""

import pytest

from shared.cache.feedback import Feedback
from shared.cache.found import Found
from tests.support.caches import Cache, a_vector, an_answer, keys, sources
from tests.support.clock import Clock

QUESTION = "what is faith"


@pytest.fixture
async def expired(cache: Cache, clock: Clock) -> Cache:
    """A cache whose one answer's time is up, within its grace."""
    short = cache.with_settings(answer_ttl=300, context_ttl=300, stale_grace=3_600)
    await short.ask()
    clock.ahead += 301
    return short


async def test_an_answer_whose_time_is_up_is_found_by_nobody_who_does_not_ask_for_it(
    expired: Cache,
) -> None:
    visit = expired.visit()
    assert await visit.look_up() == Found()
    assert not (await visit.survey()).others
    other = expired.visit(question="define faith")
    await other.look_up()
    assert not (await other.survey()).others


async def test_it_is_found_by_who_does(expired: Cache) -> None:
    visit = expired.visit()
    await visit.look_up()
    found = await visit.find_stale()
    assert found.answer
    assert found.answer.text == an_answer().text
    assert found.sources == sources()


async def test_another_wordings_match_lasts_as_long(cache: Cache, clock: Clock) -> None:
    short = cache.with_settings(answer_ttl=300, stale_grace=3_600)
    await short.ask()
    visit = short.visit(question="define faith")
    await visit.look_up()
    (target,) = (await visit.survey()).others.items()
    assert await visit.share(a_vector("define faith"), sources(), target, 0.93)
    clock.ahead += 301
    visit = short.visit(question="define faith")
    assert await visit.look_up() == Found()
    assert (await visit.find_stale()).matched == QUESTION
    assert await visit.find_stale(aliases=False) == Found()


async def test_what_a_note_change_dropped_is_not_found(expired: Cache) -> None:
    index = await expired.invalidation().raise_fence("ann")
    await expired.invalidation().drop("ann", list(index))
    assert await expired.visit().find_stale() == Found()


async def test_a_note_change_finds_it_in_the_index(expired: Cache) -> None:
    """Else the change could not drop it."""
    assert len(await expired.invalidation().raise_fence("ann")) == 1


async def test_a_deleted_user_leaves_nothing_stale(expired: Cache) -> None:
    await expired.invalidation().forget("ann")
    assert await expired.visit().find_stale() == Found()


async def test_a_new_context_does_not_take_its_place(expired: Cache) -> None:
    """A model that fails would otherwise cost the very answer that could stand in for it."""
    visit = expired.visit()
    await visit.look_up()
    await visit.survey()
    await visit.keep(a_vector(QUESTION), sources(), None)
    assert (await expired.visit().find_stale()).answer


async def test_a_new_answer_takes_its_place(expired: Cache) -> None:
    visit = expired.visit()
    await visit.look_up()
    await visit.survey()
    answer = an_answer("Trust [1].")
    assert await visit.keep(a_vector(QUESTION), sources(), answer)
    assert (await expired.visit().find_stale()).answer == answer


async def test_after_its_grace_it_is_gone(cache: Cache, clock: Clock) -> None:
    short = cache.with_settings(answer_ttl=300, stale_grace=600)
    await short.ask()
    clock.ahead += 899
    assert (await short.visit().find_stale()).answer
    clock.ahead += 2
    assert await short.visit().find_stale() == Found()
    assert await short.redis("HLEN", keys().answers) == 0


async def test_a_context_takes_the_place_of_nothing_that_leads_to_an_answer(
    cache: Cache,
) -> None:
    """Neither of another wording's match, nor of the word that there must be none."""
    await cache.ask()
    visit = cache.visit(question="define faith")
    await visit.look_up()
    (target,) = (await visit.survey()).others.items()
    await visit.share(a_vector("define faith"), sources(), target, 0.93)
    failing = cache.visit(question="define faith")
    await failing.look_up(aliases=False)
    await failing.survey()
    assert not await failing.keep(a_vector("define faith"), sources(), None)
    found = await cache.visit(question="define faith").look_up()
    assert found.answer
    assert found.matched == QUESTION
    await Feedback(cache.connection).wrong("ann", f"{found.answer.answer_id}.{found.alias}")
    failing = cache.visit(question="define faith")
    await failing.look_up()
    await failing.survey()
    assert not await failing.keep(a_vector("define faith"), sources(), None)
    again = cache.visit(question="define faith")
    await again.look_up()
    assert not (await again.survey()).others


async def test_another_question_does_not_share_an_answer_whose_time_is_up(
    cache: Cache, clock: Clock
) -> None:
    short = cache.with_settings(answer_ttl=300, stale_grace=3_600)
    await short.ask()
    visit = short.visit(question="define faith")
    await visit.look_up()
    (target,) = (await visit.survey()).others.items()
    clock.ahead += 301
    assert await visit.peek(*target) == Found()
    assert await visit.share(a_vector("define faith"), sources(), target, 0.93) is None


async def test_a_context_does_not_stay_fresh_by_failing_again_and_again(
    cache: Cache, clock: Clock
) -> None:
    short = cache.with_settings(context_ttl=300)
    for fresh in (False, True, True):
        visit = short.visit()
        found = await visit.look_up()
        assert (found.sources is not None) == fresh
        await visit.survey()
        assert await visit.keep(a_vector(QUESTION), sources(), None) != fresh
        clock.ahead += 90
    clock.ahead += 31
    assert await short.visit().look_up() == Found()
