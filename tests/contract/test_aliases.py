"""Aliases and feedback on answers and matches, on each kind of Redis."""

import pytest

from shared.cache import keyspace
from shared.cache.feedback import Feedback
from shared.cache.results import LookupResult
from shared.errors import NotFoundError
from tests.support.caches import PIPELINE, Cache, a_vector, sources

QUESTION = "what is faith"
FIELD = keyspace.question_field(QUESTION, PIPELINE.name)


async def store_alias(cache: Cache, wording: str = "define faith") -> str | None:
    """Store an alias of another wording to the answer. Return its field."""
    session = cache.session(question=wording)
    await session.lookup()
    miss_context = await session.load_miss_context()
    (target,) = miss_context.matchable_entries.items()
    assert (await session.get_answer(*target)).answer is not None
    return await session.store_alias(a_vector(wording), sources(), target, 0.93)


async def test_alias_is_found_in_one_round_trip(
    cache: Cache,
) -> None:
    answer = await cache.ask()
    assert await store_alias(cache)
    found = await cache.session(question="define faith").lookup()
    alias = keyspace.question_field("define faith", PIPELINE.name)
    assert found == LookupResult(answer, sources(), QUESTION, 0.93, alias)


async def test_lookup_without_aliases_ignores_an_alias(cache: Cache) -> None:
    await cache.ask()
    await store_alias(cache)
    assert await cache.session(question="define faith").lookup(aliases=False) == LookupResult()
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
    alias = await store_alias(cache)
    await Feedback(cache.redis_client).reject_answer("ann", f"{answer.answer_id}.{alias}")
    assert (await cache.session().lookup()).answer == answer
    session = cache.session(question="define faith")
    assert await session.lookup() == LookupResult()
    assert (await session.load_miss_context()).matchable_entries == {}


@pytest.mark.parametrize("user", ["ann", "bob"])
async def test_feedback_on_an_answer_of_another_user_or_a_missing_one_is_not_found(
    cache: Cache, user: str
) -> None:
    answer = await cache.ask("bob" if user == "ann" else "ann")
    with pytest.raises(NotFoundError, match="no such answer"):
        await Feedback(cache.redis_client).reject_answer(user, answer.answer_id)
