"""A programming error in the cache fails no question and is not reported as an outage."""

import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from redis.asyncio import Connection

from shared.cache import (
    codec,
    index_entries,
    l1_answers,
    l2_embeddings,
    matchable_entries,
    session,
    single_flight,
)
from shared.cache.redis.commands import Command
from shared.cache.redis.single_server import RedisServerClient
from shared.cache.scripts import QuestionScripts
from shared.container import Container
from shared.semantic_match import SemanticMatcher
from tests.support.fakes import create_container
from tests.support.full_stack import ask, updated
from tests.support.redis_faults import FaultyRedis

pytestmark = pytest.mark.logs_exceptions

ERRORS = [TypeError, KeyError, AttributeError, IndexError, ValueError, AssertionError, RuntimeError]
PLACES: list[tuple[Any, str]] = [
    (RedisServerClient, "execute"),
    (RedisServerClient, "_send"),
    (QuestionScripts, "lookup"),
    (QuestionScripts, "store"),
    (session, "parse_lookup"),
    (session, "hash_items"),
    (index_entries, "new_entry"),
    (index_entries, "encode"),
    (matchable_entries, "select"),
    (l1_answers, "encode"),
    (l2_embeddings, "decode"),
    (codec, "pack"),
    (single_flight.SingleFlightLock, "acquire_command"),
    (single_flight.SingleFlightLock, "set_holder"),
    (Connection, "_connect"),
]
QUESTIONS = ["What is faith?", "What is faith?", "What is hope?"]


@pytest.fixture
async def container(redis: FaultyRedis) -> AsyncIterator[Container]:
    container = create_container(redis.url, redis_timeout=5)
    await container.freshness.note_changed(updated("ann", "note", "Faith is trust."))
    await ask(container, "ann", QUESTIONS[0])
    yield container
    await container.aclose()


def raising(error: type[Exception]) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> None:
        raise error("private text")

    return fail


async def check_answers(
    container: Container, caplog: pytest.LogCaptureFixture, error: type[Exception]
) -> None:
    """Ask; every answer is right, the error is logged with its traceback, and no outage is."""
    replies = [await ask(container, "ann", query) for query in QUESTIONS]
    assert all(reply.answer and "Faith is trust." in reply.answer.text for reply in replies)
    statuses = {reply.cache for reply in replies}
    assert "failed" in statuses
    assert statuses <= {"ok", "failed"}
    logged = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert {record.getMessage() for record in logged} == {
        "unhandled exception in the cache; the question does not use it"
    }
    for record in logged:
        assert record.exc_info
        assert record.exc_info[0] is error
        assert record.exc_info[2]
    assert container.redis_client
    assert not container.redis_client.circuit_breaker.is_open


@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place[0].__name__}.{place[1]}")
async def test_programming_error_in_the_cache_is_logged_and_the_question_answered(
    container: Container,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    place: tuple[Any, str],
) -> None:
    assert container.redis_client
    if place[0] is Connection:
        await container.redis_client.aclose()  # so that the next round trip connects
    monkeypatch.setattr(*place, raising(TypeError))
    await check_answers(container, caplog, TypeError)
    monkeypatch.undo()
    assert (await ask(container, "ann", QUESTIONS[0])).cache == "ok"


@pytest.mark.parametrize("error", ERRORS)
async def test_programming_error_of_any_type_is_logged_and_the_question_answered(
    container: Container,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: type[Exception],
) -> None:
    monkeypatch.setattr(session, "parse_lookup", raising(error))
    await check_answers(container, caplog, error)


@pytest.mark.parametrize("argument", [None, True, object(), [1]])
async def test_argument_of_a_wrong_type_is_a_programming_error(
    container: Container,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    argument: Any,
) -> None:
    monkeypatch.setattr(QuestionScripts, "lookup", lambda *_, **__: Command.of("GET", argument))
    replies = [await ask(container, "ann", query) for query in QUESTIONS]
    assert [reply.cache for reply in replies] == ["failed"] * 3
    assert "unhandled exception in the cache" in caplog.text


async def test_error_in_a_script_is_a_programming_error(
    container: Container, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bug = Command.of("EVAL", "return 1 + nil", 0)
    monkeypatch.setattr(QuestionScripts, "lookup", lambda *_, **__: bug)
    reply = await ask(container, "ann", QUESTIONS[0])
    assert reply.cache == "failed"
    assert reply.answer
    assert "unhandled exception in the cache" in caplog.text
    assert "the cache is unavailable" not in caplog.text


async def test_programming_error_in_the_matching_is_logged_and_the_answer_generated(
    container: Container, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(SemanticMatcher, "match", raising(KeyError))
    reply = await ask(container, "ann", "What is hope?")
    assert (reply.cache, reply.stored) == ("ok", True)
    assert [record.getMessage() for record in caplog.records if record.exc_info] == [
        "unhandled exception in the matching; the answer is generated"
    ]
