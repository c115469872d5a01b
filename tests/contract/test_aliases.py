"""One answer for two wordings, and feedback on both, on each kind of Redis."""

import pytest

from shared.cache import keyspace
from shared.cache.feedback import Feedback
from shared.cache.results import LookupResult
from shared.errors import NotFoundError
from tests.support.caches import PIPELINE, Cache, a_vector, sources

QUESTION = "what is faith"
FIELD = keyspace.question_field(QUESTION, PIPELINE.name)


async def shared(cache: Cache, wording: str = "define faith") -> str | None:
    """Let another wording share the answer to the question."""
    session = cache.session(question=wording)
    await session.lookup()
    survey = await session.load_miss_context()
    (target,) = survey.candidates.items()
    assert (await session.get_answer(*target)).answer is not None
    return await session.store_alias(a_vector(wording), sources(), target, 0.93)


async def test_a_shared_answer_is_found_by_the_other_wording_in_one_round_trip(
    cache: Cache,
) -> None:
    answer = await cache.ask()
    assert await shared(cache)
    found = await cache.session(question="define faith").lookup()
    alias = keyspace.question_field("define faith", PIPELINE.name)
    assert found == LookupResult(answer, sources(), QUESTION, 0.93, alias)


async def test_whoever_refuses_shared_answers_does_not_get_one(cache: Cache) -> None:
    await cache.ask()
    await shared(cache)
    assert await cache.session(question="define faith").lookup(aliases=False) == LookupResult()
    assert (await cache.session(question="define faith").lookup()).answer is not None


async def test_an_alias_falls_with_its_answer(cache: Cache) -> None:
    await cache.ask()
    await shared(cache)
    await cache.invalidation().rotate_fence("ann")
    await cache.invalidation().drop_entries("ann", [FIELD])
    assert await cache.session(question="define faith").lookup() == LookupResult()


async def test_an_alias_does_not_pass_to_the_next_answer_of_its_target(cache: Cache) -> None:
    await cache.ask()
    await shared(cache)
    await cache.ask()
    assert await cache.session(question="define faith").lookup() == LookupResult()


async def test_an_answer_that_fell_meanwhile_is_not_shared(cache: Cache) -> None:
    await cache.ask()
    session = cache.session(question="define faith")
    await session.lookup()
    (target,) = (await session.load_miss_context()).candidates.items()
    await cache.invalidation().drop_entries("ann", [FIELD])
    assert await session.get_answer(*target) == LookupResult()
    assert not await session.store_alias(a_vector("define faith"), sources(), target, 0.93)


async def test_an_alias_is_not_remembered_once_the_notes_have_changed(cache: Cache) -> None:
    await cache.ask()
    session = cache.session(question="define faith")
    await session.lookup()
    (target,) = (await session.load_miss_context()).candidates.items()
    await cache.invalidation().rotate_fence("ann")
    await session.store_alias(a_vector("define faith"), sources(), target, 0.93)
    assert await cache.session(question="define faith").lookup() == LookupResult()


async def test_an_answer_said_to_be_wrong_is_gone_with_its_aliases(cache: Cache) -> None:
    answer = await cache.ask()
    await shared(cache)
    await Feedback(cache.redis_client).reject_answer("ann", answer.answer_id)
    assert await cache.session().lookup() == LookupResult()
    assert await cache.session(question="define faith").lookup() == LookupResult()


async def test_a_match_said_to_be_wrong_is_gone_alone_and_not_made_again(cache: Cache) -> None:
    answer = await cache.ask()
    alias = await shared(cache)
    await Feedback(cache.redis_client).reject_answer("ann", f"{answer.answer_id}.{alias}")
    assert (await cache.session().lookup()).answer == answer
    session = cache.session(question="define faith")
    assert await session.lookup() == LookupResult()
    assert (await session.load_miss_context()).candidates == {}


@pytest.mark.parametrize("user", ["ann", "bob"])
async def test_feedback_on_what_is_not_there_or_not_ones_own_says_so(
    cache: Cache, user: str
) -> None:
    answer = await cache.ask("bob" if user == "ann" else "ann")
    with pytest.raises(NotFoundError, match="no such answer"):
        await Feedback(cache.redis_client).reject_answer(user, answer.answer_id)
