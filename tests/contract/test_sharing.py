"""One answer for two wordings, and feedback on both, on each kind of Redis."""

import pytest

from shared.cache import keyspace
from shared.cache.feedback import Feedback
from shared.cache.found import Found
from shared.errors import NotFoundError
from tests.support.caches import PIPELINE, Cache, a_vector, sources

QUESTION = "what is faith"
FIELD = keyspace.question_field(QUESTION, PIPELINE.name)


async def shared(cache: Cache, wording: str = "define faith") -> str | None:
    """Let another wording share the answer to the question."""
    visit = cache.visit(question=wording)
    await visit.look_up()
    survey = await visit.survey()
    (target,) = survey.others.items()
    assert (await visit.peek(*target)).answer is not None
    return await visit.share(a_vector(wording), sources(), target, 0.93)


async def test_a_shared_answer_is_found_by_the_other_wording_in_one_round_trip(
    cache: Cache,
) -> None:
    answer = await cache.ask()
    assert await shared(cache)
    found = await cache.visit(question="define faith").look_up()
    alias = keyspace.question_field("define faith", PIPELINE.name)
    assert found == Found(answer, sources(), QUESTION, 0.93, alias)


async def test_whoever_refuses_shared_answers_does_not_get_one(cache: Cache) -> None:
    await cache.ask()
    await shared(cache)
    assert await cache.visit(question="define faith").look_up(aliases=False) == Found()
    assert (await cache.visit(question="define faith").look_up()).answer is not None


async def test_an_alias_falls_with_its_answer(cache: Cache) -> None:
    await cache.ask()
    await shared(cache)
    await cache.invalidation().raise_fence("ann")
    await cache.invalidation().drop("ann", [FIELD])
    assert await cache.visit(question="define faith").look_up() == Found()


async def test_an_alias_does_not_pass_to_the_next_answer_of_its_target(cache: Cache) -> None:
    await cache.ask()
    await shared(cache)
    await cache.ask()
    assert await cache.visit(question="define faith").look_up() == Found()


async def test_an_answer_that_fell_meanwhile_is_not_shared(cache: Cache) -> None:
    await cache.ask()
    visit = cache.visit(question="define faith")
    await visit.look_up()
    (target,) = (await visit.survey()).others.items()
    await cache.invalidation().drop("ann", [FIELD])
    assert await visit.peek(*target) == Found()
    assert not await visit.share(a_vector("define faith"), sources(), target, 0.93)


async def test_an_alias_is_not_remembered_once_the_notes_have_changed(cache: Cache) -> None:
    await cache.ask()
    visit = cache.visit(question="define faith")
    await visit.look_up()
    (target,) = (await visit.survey()).others.items()
    await cache.invalidation().raise_fence("ann")
    await visit.share(a_vector("define faith"), sources(), target, 0.93)
    assert await cache.visit(question="define faith").look_up() == Found()


async def test_an_answer_said_to_be_wrong_is_gone_with_its_aliases(cache: Cache) -> None:
    answer = await cache.ask()
    await shared(cache)
    await Feedback(cache.connection).wrong("ann", answer.answer_id)
    assert await cache.visit().look_up() == Found()
    assert await cache.visit(question="define faith").look_up() == Found()


async def test_a_match_said_to_be_wrong_is_gone_alone_and_not_made_again(cache: Cache) -> None:
    answer = await cache.ask()
    alias = await shared(cache)
    await Feedback(cache.connection).wrong("ann", f"{answer.answer_id}.{alias}")
    assert (await cache.visit().look_up()).answer == answer
    visit = cache.visit(question="define faith")
    assert await visit.look_up() == Found()
    assert (await visit.survey()).others == {}


@pytest.mark.parametrize("user", ["ann", "bob"])
async def test_feedback_on_what_is_not_there_or_not_ones_own_says_so(
    cache: Cache, user: str
) -> None:
    answer = await cache.ask("bob" if user == "ann" else "ann")
    with pytest.raises(NotFoundError, match="no such answer"):
        await Feedback(cache.connection).wrong(user, answer.answer_id)
