"""Aliases and feedback on answers and matches, on each kind of Redis."""

from dataclasses import replace

import pytest

from shared.cache import feedback, keyspace
from shared.cache.feedback import Feedback
from shared.cache.pipeline_id import PipelineId
from shared.cache.results import LookupResult
from shared.errors import NotFoundError
from tests.support.caches import PIPELINE, Cache, a_vector, keys, sources
from tests.support.clock import Clock

QUESTION = "what is faith"
FIELD = keyspace.question_field(QUESTION, PIPELINE.name)


async def store_alias(cache: Cache, wording: str = "define faith") -> str:
    """Store an alias of another wording to the answer. Return its field."""
    session = cache.session(question=wording)
    await session.lookup()
    miss_context = await session.load_miss_context()
    (target,) = miss_context.matchable_entries.items()
    assert (await session.get_answer(*target)).answer is not None
    assert await session.store_alias(a_vector(wording), sources(), target, 0.93)
    return session.field


async def test_alias_is_found_in_one_round_trip(
    cache: Cache,
) -> None:
    answer = await cache.ask()
    assert await store_alias(cache)
    found = await cache.session(question="define faith").lookup()
    alias = keyspace.question_field("define faith", PIPELINE.name)
    assert replace(found, expires=None) == LookupResult(answer, sources(), QUESTION, 0.93, alias)


async def test_lookup_without_aliases_ignores_an_alias(cache: Cache) -> None:
    await cache.ask()
    await store_alias(cache)
    assert await cache.session(question="define faith", exact=True).lookup() == LookupResult()
    assert (await cache.session(question="define faith").lookup()).answer is not None


async def test_alias_is_invalid_once_its_answer_is_dropped(cache: Cache) -> None:
    await cache.ask()
    await store_alias(cache)
    await cache.invalidation().rotate_fence("ann")
    await cache.invalidation().drop_entries("ann", [FIELD])
    assert await cache.session(question="define faith").lookup() == LookupResult()


async def test_alias_is_invalid_once_its_target_has_a_new_answer(cache: Cache) -> None:
    await cache.ask()
    await store_alias(cache)
    await cache.ask()
    assert await cache.session(question="define faith").lookup() == LookupResult()


async def test_alias_to_a_dropped_answer_is_not_stored(cache: Cache) -> None:
    await cache.ask()
    session = cache.session(question="define faith")
    await session.lookup()
    (target,) = (await session.load_miss_context()).matchable_entries.items()
    await cache.invalidation().drop_entries("ann", [FIELD])
    assert await session.get_answer(*target) == LookupResult()
    assert not await session.store_alias(a_vector("define faith"), sources(), target, 0.93)


async def test_alias_is_not_stored_after_the_fence_rotated(cache: Cache) -> None:
    await cache.ask()
    session = cache.session(question="define faith")
    await session.lookup()
    (target,) = (await session.load_miss_context()).matchable_entries.items()
    await cache.invalidation().rotate_fence("ann")
    await session.store_alias(a_vector("define faith"), sources(), target, 0.93)
    assert await cache.session(question="define faith").lookup() == LookupResult()


async def test_feedback_on_an_answer_drops_it_and_its_aliases(cache: Cache) -> None:
    answer = await cache.ask()
    await store_alias(cache)
    await Feedback(cache.redis_client).reject_answer("ann", answer.answer_id)
    assert await cache.session().lookup() == LookupResult()
    assert await cache.session(question="define faith").lookup() == LookupResult()


async def test_feedback_on_a_match_drops_only_the_alias_and_prevents_it(cache: Cache) -> None:
    answer = await cache.ask()
    await refuse_match(cache)
    assert (await cache.session().lookup()).answer == answer
    assert await is_refused(cache)


async def test_refusal_outlives_the_answers_of_both_questions(cache: Cache) -> None:
    await cache.ask()
    await refuse_match(cache)
    own = await cache.ask(question="define faith")
    await Feedback(cache.redis_client).reject_answer("ann", own.answer_id)
    assert await is_refused(cache)
    await cache.invalidation().rotate_fence("ann")
    await cache.invalidation().drop_entries("ann", [FIELD])
    await cache.ask()
    assert await is_refused(cache)
    await cache.invalidation().delete_user("ann", refusals=False)
    await cache.ask()
    assert await is_refused(cache)


async def test_refusal_holds_in_both_directions_and_for_every_model(cache: Cache) -> None:
    await cache.ask()
    await refuse_match(cache)
    await cache.invalidation().drop_entries("ann", [FIELD])
    pipeline = PipelineId("another", 8, "answerer", 2)
    await cache.ask(question="define faith")
    assert await is_refused(cache, "Define FAITH?", "what is faith")
    session = cache.session(question="define faith", pipeline=pipeline)
    await session.lookup()
    refusals = (await session.load_miss_context()).refusals
    assert refusals == {keyspace.refused_pair("What is faith?", "define faith")}


async def test_alias_of_a_match_that_was_refused_meanwhile_is_not_stored(cache: Cache) -> None:
    await cache.ask()
    late = cache.session(question="define faith")
    await late.lookup()
    (target,) = (await late.load_miss_context()).matchable_entries.items()
    await refuse_match(cache)
    assert not await late.store_alias(a_vector("define faith"), sources(), target, 0.93)
    assert await cache.session(question="define faith").lookup() == LookupResult()


async def test_alias_does_not_replace_an_own_answer(cache: Cache) -> None:
    await cache.ask()
    late = cache.session(question="define faith")
    await late.lookup()
    (target,) = (await late.load_miss_context()).matchable_entries.items()
    own = await cache.ask(question="define faith")
    assert await late.store_alias(a_vector("define faith"), sources(), target, 0.93)
    assert (await cache.session(question="define faith").lookup()).answer == own


async def test_refusals_are_deleted_with_their_user(cache: Cache) -> None:
    await cache.ask()
    await refuse_match(cache)
    await cache.invalidation().delete_user("ann")
    assert not await cache.redis("EXISTS", keys().refusals)


async def test_refusals_expire_and_the_oldest_is_deleted(
    cache: Cache, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    monkeypatch.setattr(feedback, "_MAX_REFUSALS", 2)
    await cache.ask()
    for wording in ("define faith", "describe faith", "explain faith"):
        await refuse_match(cache, wording)
        clock.ahead += 60
    remaining = [await is_refused(cache, w) for w in ("define faith", "describe faith")]
    assert remaining == [False, True]
    assert await is_refused(cache, "explain faith")
    assert 0 < int(str(await cache.redis("TTL", keys().refusals))) <= 365 * 86_400


async def test_refusal_on_a_match_whose_alias_is_gone_is_not_found(cache: Cache) -> None:
    answer = await cache.ask()
    alias = await store_alias(cache)
    await cache.invalidation().drop_entries("ann", [FIELD])
    with pytest.raises(NotFoundError, match="no such answer"):
        await Feedback(cache.redis_client).reject_answer("ann", f"{answer.answer_id}.{alias}")
    assert not await cache.redis("EXISTS", keys().refusals)


async def refuse_match(cache: Cache, wording: str = "define faith") -> None:
    """Match a wording with the only answer, then report the match."""
    alias = await store_alias(cache, wording)
    found = await cache.session(question=wording).lookup()
    assert found.answer
    await Feedback(cache.redis_client).reject_answer("ann", f"{found.answer.answer_id}.{alias}")


async def is_refused(cache: Cache, wording: str = "define faith", other: str = QUESTION) -> bool:
    """Return whether the question has no alias, and its match with the other is refused."""
    session = cache.session(question=wording)
    assert (await session.lookup()).matched_question is None
    refusals = (await session.load_miss_context()).refusals
    return keyspace.refused_pair(wording, other) in refusals


@pytest.mark.parametrize("user", ["ann", "bob"])
async def test_feedback_on_an_answer_of_another_user_or_a_missing_one_is_not_found(
    cache: Cache, user: str
) -> None:
    answer = await cache.ask("bob" if user == "ann" else "ann")
    with pytest.raises(NotFoundError, match="no such answer"):
        await Feedback(cache.redis_client).reject_answer(user, answer.answer_id)
