"""Questions with tags: what they search, what they share, and which note changes drop them."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from itertools import count

import httpx
import pytest

from functions.ask.app import create_app
from shared.container import Container
from shared.errors import InvalidRequestError
from shared.freshness import NoteChangeResult
from shared.reply import NO_NOTES, NO_TAGGED_NOTES, Reply
from shared.vectors import Vector
from tests.support.fakes import HashingEmbedder, SlowAnswerer, create_container
from tests.support.full_stack import ask, updated

FAITH = "What is faith?"
_TIMES = count()


class SynonymEmbedder(HashingEmbedder):
    """Embeds "define" and "what is" as the same."""

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        return await super().embed([text.replace("define", "what is") for text in texts])


@pytest.fixture
async def container(valkey_url: str) -> AsyncIterator[Container]:
    made = create_container(
        valkey_url,
        redis_timeout=5,
        semantic_verifier="none",
        extractive_fallback=False,
        local_mode=True,
    )
    made.override(embedder=SynonymEmbedder())
    assert made.redis_client
    yield made
    await made.aclose()


@pytest.fixture
def user() -> str:
    return f"user {next(_TIMES)}"


async def write(
    container: Container, user: str, note_id: str, *tags: str, text: str = ""
) -> NoteChangeResult:
    change = updated(user, note_id, text or f"Text of {note_id}.", tags=list(tags))
    return await container.freshness.note_changed(change)


async def ask_tagged(container: Container, user: str, *tags: str, query: str = FAITH) -> Reply:
    return await ask(container, user, query, tags=tags)


def notes_of(reply: Reply) -> set[str]:
    return {source.note_id for source in reply.sources}


async def test_question_is_answered_from_notes_that_have_one_of_its_tags(
    container: Container, user: str
) -> None:
    for note_id, tags in ("a", ["Romans"]), ("b", ["#bible", "romans"]), ("c", ["hope"]), ("d", []):
        await write(container, user, note_id, *tags)
    assert notes_of(await ask_tagged(container, user, "romans")) == {"a", "b"}
    assert notes_of(await ask_tagged(container, user, "hope", "bible")) == {"b", "c"}
    assert notes_of(await ask_tagged(container, user)) == {"a", "b", "c", "d"}
    again = await ask_tagged(container, user, "#Bible", "HOPE ", "hope")
    assert (again.match, again.question.tags) == ("exact", ("bible", "hope"))


async def test_question_without_notes_of_its_tags_is_told_so(
    container: Container, user: str
) -> None:
    assert (await ask_tagged(container, user)).text == NO_NOTES
    await write(container, user, "a", "hope")
    for _ in range(2):
        assert (await ask_tagged(container, user, "romans")).text == NO_TAGGED_NOTES
    await write(container, user, "b", "romans")
    assert notes_of(await ask_tagged(container, user, "romans")) == {"b"}


async def test_question_matches_only_questions_with_the_same_tags(
    container: Container, user: str
) -> None:
    await write(container, user, "a", "romans", "hope")
    await ask_tagged(container, user, "romans", query="What is hope?")
    for tags in (), ("hope",), ("hope", "romans"):
        reply = await ask_tagged(container, user, *tags, query="Define hope")
        assert (reply.match, reply.match_rejection) == (None, None), "it was no candidate"
    assert (await ask_tagged(container, user, "Romans", query="Define hope")).match == "semantic"


async def test_concurrent_questions_share_an_answer_only_with_the_same_tags(
    container: Container, user: str
) -> None:
    await write(container, user, "a", "a")
    await write(container, user, "b", "b")
    answerer = SlowAnswerer(0.1)
    container.override(answerer=answerer)
    asked = [("a",), ("b",), (), ("A",), ("b", "#b")]
    replies = await asyncio.gather(*(ask_tagged(container, user, *tags) for tags in asked))
    assert [notes_of(reply) for reply in replies] == [{"a"}, {"b"}, {"a", "b"}, {"a"}, {"b"}]
    assert answerer.begun == 3


async def test_change_drops_only_answers_whose_tags_the_note_has(
    container: Container, user: str
) -> None:
    """All have fewer than k sources, so that any note that they search affects them."""
    await write(container, user, "r", "romans")
    await write(container, user, "h", "hope")
    asked = [("romans",), ("hope",), ("hope", "romans"), ()]
    for tags in asked:
        await ask_tagged(container, user, *tags)
    outcome = await write(container, user, "new", "hope", "other")
    assert (outcome.dropped, outcome.retained) == (3, 1)
    assert [(await ask_tagged(container, user, *tags)).match for tags in asked] == [
        "exact",
        None,
        None,
        None,
    ]


async def test_change_of_tags_alone_drops_the_answers_that_it_affects(
    container: Container, user: str
) -> None:
    await write(container, user, "a", "romans")
    await write(container, user, "b", "hope")
    for tags in ("romans",), ("hope",), ("grace",), ():
        await ask_tagged(container, user, *tags)
    gained = await write(container, user, "a", "romans", "grace")
    assert (gained.dropped, gained.retained) == (0, 3), "the empty context of grace is no answer"
    assert notes_of(await ask_tagged(container, user, "grace")) == {"a"}
    moved = await write(container, user, "a", "hope")
    assert (moved.dropped, moved.retained) == (3, 1), "only the one of all notes is retained"
    assert (await ask_tagged(container, user, "romans")).text == NO_TAGGED_NOTES
    assert notes_of(await ask_tagged(container, user, "hope")) == {"a", "b"}
    assert (await ask_tagged(container, user)).match == "exact"
    repeated = await write(container, user, "a", "hope", "HOPE")
    assert (repeated.dropped, repeated.retained) == (0, 2)


async def test_reported_answer_is_removed_under_its_tags_alone(
    container: Container, user: str
) -> None:
    await write(container, user, "a", "romans")
    await ask_tagged(container, user)
    reply = await ask_tagged(container, user, "romans")
    await container.feedback.reject_answer(user, reply.answer_id or "")
    assert (await ask_tagged(container, user)).match == "exact"
    assert (await ask_tagged(container, user, "romans")).match is None


async def test_refused_match_of_two_questions_is_refused_with_all_tags(
    container: Container, user: str
) -> None:
    await write(container, user, "a", "romans")
    await ask_tagged(container, user, query="What is hope?")
    reply = await ask_tagged(container, user, query="Define hope")
    await container.feedback.reject_answer(user, reply.answer_id or "")
    await ask_tagged(container, user, "romans", query="What is hope?")
    assert (await ask_tagged(container, user, "romans", query="Define hope")).match is None


async def test_response_echoes_the_tags_and_no_log_has_them(
    container: Container, caplog: pytest.LogCaptureFixture
) -> None:
    transport = httpx.ASGITransport(create_app(container))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:

        async def post(**body: object) -> httpx.Response:
            given = {"query": FAITH} | body
            return await client.post(
                "/assistant/query", json=given, headers={"X-Tercet-User": "ann"}
            )

        for given, echoed in ({"tags": ["#Private  word"]}, ["private word"]), ({}, []):
            response = await post(**given)
            assert response.status_code == 200, response.text
            assert json.loads(response.content)["metadata"]["tags"] == echoed
        for tags in ["a", ""], ["private" * 20], ["x"] * 21, "private":
            response = await post(tags=tags)
            assert response.status_code == 422, response.text
            assert "private" not in response.text
    assert "private" not in caplog.text.lower()


async def test_invalid_tag_is_refused(container: Container, user: str) -> None:
    with pytest.raises(InvalidRequestError, match="tag 1 of the question is empty"):
        await ask_tagged(container, user, "#")
