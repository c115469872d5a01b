"""Questions with a history, with a real Valkey: what they share, and what they must not."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from functions.ask.app import create_app
from shared.cache.keyspace import UserKeys
from shared.cache.parse_replies import hash_items
from shared.cache.redis.commands import Command
from shared.container import Container
from shared.conversation import Turn
from shared.errors import BudgetExceededError, InferenceUnavailableError, InvalidRequestError
from shared.notes.messages.note_changed import NoteChanged, Operation
from shared.reply import Reply
from tests.support.conversations import ScriptedRewriter, user
from tests.support.fakes import SlowAnswerer, create_container
from tests.support.full_stack import ask, updated
from tests.support.waiting import until

IT = "when does it open?"
LEEDS, YORK = user("Is there a pool in Leeds?"), user("Is there a pool in York?")
OF_LEEDS, OF_YORK = "When does the pool in Leeds open?", "When does the pool in York open?"
SECRET = "My account is 4417-zebra."


@pytest.fixture
def rewriter() -> ScriptedRewriter:
    return ScriptedRewriter({LEEDS[0].content: OF_LEEDS, YORK[0].content: OF_YORK})


@pytest.fixture
async def container(valkey_url: str, rewriter: ScriptedRewriter) -> AsyncIterator[Container]:
    container = open_container(valkey_url, rewriter)
    await container.background_redis_client.execute(Command.of("FLUSHDB"))
    await container.freshness.note_changed(updated("ann", "n", "Both pools open at eight."))
    yield container
    await container.aclose()


def open_container(url: str, rewriter: ScriptedRewriter | None, **settings: Any) -> Container:
    container = create_container(url, redis_timeout=2, local_mode=True, **settings)
    container.override(question_rewriter=rewriter)
    return container


def answered(container: Container) -> int:
    answerer = container.answerer
    assert isinstance(answerer, SlowAnswerer)
    return answerer.begun


def use(reply: Reply) -> str | None:
    return reply.question.follow_up.use if reply.question.follow_up else None


async def redis(container: Container, *command: str | bytes) -> Any:
    (reply,) = await container.background_redis_client.execute(Command.of(*command))
    return reply


async def test_equal_last_turns_of_two_conversations_do_not_share_an_answer(
    container: Container,
) -> None:
    leeds = await ask(container, "ann", IT, history=LEEDS)
    york = await ask(container, "ann", IT, history=YORK)
    alone = await ask(container, "ann", IT)
    assert [each.tier for each in (leeds, york, alone)] == [None, None, None]
    assert len({each.answer.answer_id for each in (leeds, york, alone) if each.answer}) == 3
    assert (leeds.question.wording, york.question.wording) == (OF_LEEDS, OF_YORK)


async def test_different_last_turns_with_one_meaning_share_an_answer(container: Container) -> None:
    await ask(container, "ann", IT, history=LEEDS)
    assert (await ask(container, "ann", "and its opening time?", history=LEEDS)).tier == "l1"
    assert (await ask(container, "ann", OF_LEEDS)).tier == "l1"
    assert (await ask(container, "ann", OF_LEEDS, history=YORK)).tier == "l1"


async def test_a_repeated_follow_up_is_rewritten_once(
    container: Container, rewriter: ScriptedRewriter
) -> None:
    for _ in range(3):
        reply = await ask(container, "ann", IT, history=LEEDS)
    assert rewriter.calls == 1
    assert (reply.tier, use(reply)) == ("l1", "rewritten")


async def test_concurrent_equal_follow_ups_of_two_containers_are_rewritten_once(
    valkey_url: str, container: Container, rewriter: ScriptedRewriter
) -> None:
    rewriter.seconds = 0.2
    other = open_container(valkey_url, rewriter)
    try:
        replies = await asyncio.gather(
            *(ask(each, "ann", IT, history=LEEDS) for each in (container, other) * 4)
        )
    finally:
        await other.aclose()
    assert rewriter.calls == 1
    assert {reply.question.wording for reply in replies} == {OF_LEEDS}


async def test_a_rewrite_belongs_to_its_user_model_question_and_all_turns(
    container: Container, rewriter: ScriptedRewriter
) -> None:
    await ask(container, "ann", IT, history=LEEDS)
    await ask(container, "ben", IT, history=LEEDS)
    await ask(container, "ann", "is it open now?", history=LEEDS)
    await ask(container, "ann", IT, history=(*LEEDS, Turn("assistant", "Yes.")))
    rewriter.version = "another model"
    await ask(container, "ann", IT, history=LEEDS)
    assert rewriter.calls == 5


async def test_a_question_that_stands_alone_is_not_rewritten(
    container: Container, rewriter: ScriptedRewriter
) -> None:
    first = await ask(container, "ann", OF_YORK, history=LEEDS)
    second = await ask(container, "ann", OF_YORK)
    assert rewriter.calls == 0
    assert (use(first), use(second), second.tier) == ("not_needed", None, "l1")


@pytest.mark.parametrize("reason", ["down", "no model", "budget", "invalid"])
async def test_a_question_that_cannot_be_rewritten_neither_reads_nor_writes_the_cache(
    valkey_url: str, container: Container, rewriter: ScriptedRewriter, reason: str
) -> None:
    await ask(container, "ann", IT)  # the same words, without a history
    tested = container
    if reason == "down":
        rewriter.error = InferenceUnavailableError("down")
    elif reason == "budget":
        rewriter.error = BudgetExceededError("used up")
    elif reason == "invalid":
        rewriter.rewrites = dict.fromkeys(rewriter.rewrites, "?!")
    else:
        tested = open_container(valkey_url, None)
        await tested.freshness.note_changed(updated("ann", "n", "Both pools open at eight."))
    index = UserKeys.of("ann").questions
    before = await redis(container, "HKEYS", index)
    began = answered(tested)
    replies = [await ask(tested, "ann", IT, history=turns) for turns in (LEEDS, YORK, LEEDS)]
    concurrent = await asyncio.gather(
        *(ask(tested, "ann", IT, history=turns) for turns in (LEEDS, YORK, LEEDS))
    )
    assert answered(tested) == began + 6
    assert {(use(reply), reply.tier, reply.cache) for reply in [*replies, *concurrent]} == {
        ("unresolved", None, "off")
    }
    assert await redis(container, "HKEYS", index) == before
    assert (await ask(container, "ann", IT)).tier == "l1"
    if tested is not container:
        await tested.aclose()


async def test_an_unresolved_question_is_answered_with_its_history(container: Container) -> None:
    received: list[Any] = []

    class Recorder(SlowAnswerer):
        async def answer(self, question: str, sources: Any, **given: Any) -> Any:
            received.append((question, given["history"]))
            return await super().answer(question, sources)

    container.override(answerer=Recorder())
    history = user("Unknown conversation")
    reply = await ask(container, "ann", IT, history=history)
    await ask(container, "ann", IT, history=LEEDS)
    assert received == [(IT, history), (OF_LEEDS, ())]
    assert "unknown conversation" in reply.question.embedded
    assert reply.question.wording == IT


async def test_the_deletion_of_the_user_deletes_the_rewrites(container: Container) -> None:
    rewrites = UserKeys.of("ann").rewrites
    await ask(container, "ann", IT, history=LEEDS)
    assert await redis(container, "HLEN", rewrites) == 1
    assert 0 < await redis(container, "TTL", rewrites) <= container.settings.answer_ttl
    await delete_user(container)
    assert not await redis(container, "EXISTS", rewrites)


async def delete_user(container: Container) -> None:
    now = datetime.now(UTC)
    await container.freshness.note_changed(
        NoteChanged(user_id="ann", operation=Operation.USER_DELETED, occurred_at=now)
    )


async def test_nothing_of_the_history_is_stored_if_the_user_is_deleted_during_the_rewrite(
    container: Container, rewriter: ScriptedRewriter
) -> None:
    rewriter.released.clear()
    request = asyncio.create_task(ask(container, "ann", IT, history=LEEDS))
    await until(lambda: rewriter.calls)
    await delete_user(container)
    rewriter.released.set()
    assert use(await request) == "rewritten"
    keys = UserKeys.of("ann")
    assert not await redis(container, "EXISTS", keys.rewrites)
    assert await redis(container, "HKEYS", keys.questions) in ([], [b"fence"])


async def test_nothing_of_the_history_is_stored_if_redis_fails_before_the_rewrite(
    container: Container, rewriter: ScriptedRewriter
) -> None:
    """The user may have been deleted since, and the fence of before is not known."""
    client = container.redis_client
    assert client
    client.circuit_breaker.record_failure(OSError("down"))
    rewriter.released.clear()
    request = asyncio.create_task(ask(container, "ann", IT, history=LEEDS))
    await until(lambda: rewriter.calls)
    client.circuit_breaker.record_success()
    await delete_user(container)
    rewriter.released.set()
    reply = await request
    assert (use(reply), reply.cache) == ("rewritten", "unavailable")
    assert await redis(container, "HKEYS", UserKeys.of("ann").questions) in ([], [b"fence"])


async def test_an_answer_is_fresh_if_a_note_changes_during_the_rewrite(
    container: Container, rewriter: ScriptedRewriter
) -> None:
    rewriter.released.clear()
    request = asyncio.create_task(ask(container, "ann", IT, history=LEEDS))
    await until(lambda: rewriter.calls)
    await container.freshness.note_changed(updated("ann", "n", "Both pools open at nine."))
    rewriter.released.set()
    first, second = await request, await ask(container, "ann", IT, history=LEEDS)
    for reply in (first, second):
        assert reply.answer
        assert "nine" in reply.answer.text


async def test_a_corrupt_or_expired_rewrite_is_rewritten_again(
    container: Container, rewriter: ScriptedRewriter
) -> None:
    rewrites = UserKeys.of("ann").rewrites
    await ask(container, "ann", IT, history=LEEDS)
    ((field, value),) = hash_items(await redis(container, "HGETALL", rewrites))
    for number, bad in enumerate((value[:-1] + b"?", b"", value[:1] + b"0" * 10 + value[11:]), 2):
        await redis(container, "HSET", rewrites, field, bad)
        assert (await ask(container, "ann", IT, history=LEEDS)).question.wording == OF_LEEDS
        assert rewriter.calls == number


async def test_a_user_has_no_more_rewrites_than_questions(
    valkey_url: str, container: Container, rewriter: ScriptedRewriter
) -> None:
    small = open_container(valkey_url, rewriter, max_questions=3)
    for number in range(8):
        history = user(f"conversation {number}")
        rewriter.rewrites[history[0].content] = f"When does pool {number} open?"
        await ask(small, "ann", IT, history=history)
    assert await redis(container, "HLEN", UserKeys.of("ann").rewrites) == 3
    await small.aclose()


async def test_a_rewrite_counts_in_the_budget_and_a_spent_budget_still_serves_cached_answers(
    valkey_url: str, container: Container, rewriter: ScriptedRewriter
) -> None:
    limited = open_container(valkey_url, rewriter, user_daily_generations=2)
    try:
        await limited.freshness.note_changed(updated("ann", "n", "Both pools open at eight."))
        assert use(await ask(limited, "ann", IT, history=LEEDS)) == "rewritten"
        assert (await ask(limited, "ann", IT, history=LEEDS)).tier == "l1"
        with pytest.raises(BudgetExceededError):
            await ask(limited, "ann", IT, history=YORK)
        assert rewriter.calls == 1
    finally:
        await limited.aclose()


async def test_without_redis_a_follow_up_is_rewritten_and_answered(
    rewriter: ScriptedRewriter,
) -> None:
    container = open_container("redis://127.0.0.1:1/0", rewriter)
    try:
        reply = await ask(container, "ann", IT, history=LEEDS)
        assert (reply.question.wording, reply.cache) == (OF_LEEDS, "unavailable")
    finally:
        await container.aclose()


async def test_no_store_neither_reads_nor_writes_a_rewrite(
    container: Container, rewriter: ScriptedRewriter
) -> None:
    for _ in range(2):
        await ask(container, "ann", IT, history=LEEDS, no_store=True)
    assert rewriter.calls == 2
    assert not await redis(container, "EXISTS", UserKeys.of("ann").rewrites)


async def test_an_invalid_question_is_refused_before_its_history_is_used(
    container: Container, rewriter: ScriptedRewriter
) -> None:
    with pytest.raises(InvalidRequestError):
        await ask(container, "ann", "?!", history=LEEDS)
    assert rewriter.calls == 0


async def test_the_latency_of_a_follow_up_includes_its_rewrite(
    container: Container, rewriter: ScriptedRewriter
) -> None:
    rewriter.seconds = 0.2
    await ask(container, "ann", IT, history=LEEDS)
    pending = container.pending_counters.take()
    assert sum(number for name, number in pending.items() if name.endswith("_us")) >= 200_000


@pytest.fixture
async def client(container: Container) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(container))
    headers = {"X-Tercet-User": "ann"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1", headers=headers
    ) as client:
        yield client


async def post(client: httpx.AsyncClient, query: str, *history: Any) -> httpx.Response:
    return await client.post("/assistant/query", json={"query": query, "history": [*history]})


def turn(content: str, role: str = "user") -> dict[str, str]:
    return {"role": role, "content": content}


async def test_metadata_shows_the_question_as_asked_and_the_stand_alone_one(
    client: httpx.AsyncClient, rewriter: ScriptedRewriter
) -> None:
    leeds = turn(LEEDS[0].content)
    response = await post(client, IT, leeds)
    metadata = response.json()["metadata"]
    assert (metadata["query"], metadata["standalone_question"]) == (IT, OF_LEEDS)
    assert metadata["history"] == "rewritten"
    assert response.headers["cache-status"].startswith("Tercet; fwd=miss; stored; ttl=")
    alone = (await post(client, OF_LEEDS)).json()["metadata"]
    assert (alone["tier"], alone["history"], alone["standalone_question"]) == ("l1", None, None)
    rewriter.error = InferenceUnavailableError("down")
    response = await post(client, "is it open now?", leeds)
    metadata = response.json()["metadata"]
    assert (metadata["history"], metadata["standalone_question"]) == ("unresolved", None)
    assert response.headers["cache-status"] == "Tercet; fwd=bypass"


async def test_a_long_conversation_is_shortened_and_not_refused(
    client: httpx.AsyncClient, rewriter: ScriptedRewriter
) -> None:
    rewriter.rewrites["turn 30"] = OF_LEEDS
    turns = [turn(f"turn {n}", ("user", "assistant")[n % 2]) for n in range(50)]
    assert (await post(client, IT, *turns)).json()["metadata"]["history"] == "rewritten"
    rewriter.rewrites["x" * 9_000] = OF_YORK
    large = [turn("y" * 9_000), turn("x" * 9_000)] * 20
    assert (await post(client, IT, *large)).json()["metadata"]["standalone_question"] == OF_YORK


@pytest.mark.parametrize(
    ("history", "detail"),
    [
        ([{"role": "system", "content": SECRET}], '"history.0.role": input should be'),
        ([turn("a"), {"role": "user"}], '"history.1.content": field required'),
        ([{"role": "user", "content": 7}], '"history.0.content": input should be a valid string'),
        ([turn("")], '"history.0.content": string should have at least 1 character'),
        ([turn(SECRET) | {"name": "x"}], 'unknown fields: "history.0.name"'),
        ([SECRET], '"history.0": input should be an object'),
        (SECRET, '"history": input should be a valid array'),
    ],
)
async def test_an_invalid_history_is_refused_with_a_reason(
    client: httpx.AsyncClient, history: Any, detail: str
) -> None:
    body = {"query": "What is faith?", "history": history}
    response = await client.post("/assistant/query", json=body)
    assert response.status_code == 422
    assert detail in response.json()["detail"]
    assert "zebra" not in response.text


@pytest.mark.parametrize("error", [None, InferenceUnavailableError("down"), RuntimeError("bug")])
@pytest.mark.logs_exceptions
async def test_no_log_line_contains_text_of_the_history(
    valkey_url: str,
    rewriter: ScriptedRewriter,
    caplog: pytest.LogCaptureFixture,
    error: Exception | None,
) -> None:
    container = open_container(valkey_url, rewriter, log_questions=True)
    rewriter.rewrites[SECRET] = "What is the balance of account 4417-zebra?"
    rewriter.error = error
    caplog.set_level(logging.DEBUG)
    transport = httpx.ASGITransport(create_app(container))
    headers = {"X-Tercet-User": "ann"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1", headers=headers
    ) as client:
        assert (await post(client, "what is its balance?", turn(SECRET))).status_code == 200
    await container.aclose()
    logged = "\n".join(str(vars(record)) for record in caplog.records)
    assert "what is its balance?" in logged
    assert "zebra" not in logged
