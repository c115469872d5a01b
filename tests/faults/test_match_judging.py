"""Semantic hits that a language model judges after the reply, over real servers."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from functions.ask.warming_handler import WarmingHandler
from shared.cache import keyspace
from shared.cache.judged_matches import JudgedMatches
from shared.cache.raised_threshold import ALLOWED
from shared.cache.stats_snapshot import StatsSnapshot
from shared.errors import BudgetExceededError
from shared.generation_settings import IN_PROCESS
from shared.match_judging import JudgingOutcome
from shared.notes.messages.note_changed import NoteChanged, Operation
from shared.reply import Reply
from tests.support.fixed_pair_model import FixedPairModel
from tests.support.full_stack import ask, updated
from tests.support.local_environment import LocalEnvironment, write_notes
from tests.support.model_outage import CHAT, FAULTS, open_container
from tests.support.servers import send_command

QUESTION, OTHER = "What is faith?", "Describe faith in my own words"
USER = "ann"


class Judged:
    """A container in which every semantic hit is judged, and the verdict that the model gives."""

    def __init__(self, local: LocalEnvironment, **settings: Any) -> None:
        self.local = local
        self.verdict = "YES"
        local.models.answer = self._answer
        given: dict[str, Any] = {
            "candidate_cosine": 0.2,
            "semantic_verifier": "none",
            "judged_share": 1.0,
            "warm_queue_url": IN_PROCESS,
        }
        self.container = open_container(local, **given | settings)
        self.pair_model = FixedPairModel(0.9)
        self.container.semantic_matcher._load_model = lambda: self.pair_model

    def _answer(self, messages: Sequence[dict[str, str]]) -> str:
        return self.verdict if "<answer-" in messages[-1]["content"] else "It is trust [1]."

    async def match(self, other: str = OTHER) -> Reply:
        """Ask a question, then another one that gets its answer."""
        await ask(self.container, USER, QUESTION)
        reply = await ask(self.container, USER, other)
        assert reply.match == "semantic"
        return reply

    async def is_matched(self, other: str = OTHER) -> bool:
        """Return whether a question gets the answer to another one."""
        return (await ask(self.container, USER, other)).matched_question is not None

    async def snapshot(self) -> StatsSnapshot:
        """Return the statistics once all matches are judged."""
        await self.container.judging_tasks.wait()
        return await self.container.counter_reader.read_snapshot()

    async def verdicts(self) -> tuple[int, int]:
        """Return how many matches were judged, and how many were wrong."""
        total = (await self.snapshot()).total
        return total["matches_judged"], total["matches_judged_wrong"]


Open = Callable[..., Awaitable[Judged]]


@pytest.fixture
async def open_judged(local: LocalEnvironment) -> AsyncIterator[Open]:
    opened: list[Judged] = []

    async def open_judged(**settings: object) -> Judged:
        judged = Judged(local, **settings)
        await write_notes(judged.container, USER)
        opened.append(judged)
        return judged

    yield open_judged
    for judged in opened:
        await judged.container.aclose()


async def test_match_that_is_right_is_counted_and_kept(open_judged: Open) -> None:
    judged = await open_judged()
    await judged.match()
    assert await judged.verdicts() == (1, 0)
    (prompt,) = [
        call.body["messages"][-1]["content"]
        for call in judged.local.models.calls
        if call.path.endswith(CHAT) and "<answer-" in call.body["messages"][-1]["content"]
    ]
    assert all(text in prompt for text in (QUESTION, OTHER, "It is trust [1]."))
    assert await judged.is_matched()


async def test_match_that_is_wrong_is_not_returned_again(open_judged: Open) -> None:
    judged = await open_judged()
    judged.verdict = "NO"
    await judged.match()
    assert await judged.verdicts() == (1, 1)
    assert not await judged.is_matched()
    assert (await ask(judged.container, USER, QUESTION)).match == "exact"


async def test_queue_gets_the_ids_and_its_function_judges(
    open_judged: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    context: Any = SimpleNamespace(aws_request_id="1", get_remaining_time_in_millis=lambda: 300_000)
    with mock_aws():
        sqs = boto3.client("sqs", region_name="eu-central-1")
        url = sqs.create_queue(QueueName="warming")["QueueUrl"]
        judged = await open_judged(warm_queue_url=url, aws_region="eu-central-1")
        judged.verdict = "NO"
        reply = await judged.match()
        assert await judged.verdicts() == (0, 0)
        (message,) = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert json.loads(message["Body"]) == {"user_id": USER, "answer_id": reply.answer_id}
    handler = WarmingHandler(lambda: open_container(judged.local))
    response = await asyncio.to_thread(
        handler, {"Records": [{"messageId": "1", "body": message["Body"]}]}, context
    )
    assert response == {"batchItemFailures": [], "outcomes": {"wrong": 1}}
    assert await judged.verdicts() == (1, 1)
    assert not await judged.is_matched()
    assert handler._warm
    loop, container = handler._warm
    await asyncio.to_thread(loop.run_until_complete, container.aclose())
    loop.close()


async def test_queue_that_is_down_fails_no_question(
    open_judged: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        judged = await open_judged(
            warm_queue_url="https://sqs.eu-central-1.amazonaws.com/1/none",
            aws_region="eu-central-1",
        )
        await judged.match()
        assert await judged.verdicts() == (0, 0)
    assert "a message was not sent" in caplog.text


async def test_without_a_queue_nothing_is_judged(open_judged: Open) -> None:
    judged = await open_judged(warm_queue_url="")
    await judged.match()
    assert await judged.verdicts() == (0, 0)


async def test_verdict_costs_are_counted(open_judged: Open) -> None:
    judged = await open_judged(prompt_price=10.0)
    judged.container.match_sampler._send = None
    await judged.match()
    before = (await judged.snapshot()).total.cost_spent
    await judged.container.match_judging.judge(await alias_id(judged), USER)
    assert (await judged.snapshot()).total.cost_spent > before


async def test_judging_neither_needs_nor_uses_the_budget_of_its_user(open_judged: Open) -> None:
    judged = await open_judged(user_daily_generations=2)
    await judged.match()
    assert await judged.verdicts() == (1, 0)
    await ask(judged.container, USER, "What does the garden want?", exact=True)
    with pytest.raises(BudgetExceededError):
        await ask(judged.container, USER, "What does the garden need?", exact=True)
    await judged.match("Define faith in words y")
    assert await judged.verdicts() == (2, 0)


async def test_alias_hits_and_generated_answers_are_not_judged(open_judged: Open) -> None:
    judged = await open_judged()
    await judged.match()
    await judged.is_matched()
    await ask(judged.container, USER, "What does the garden want?", exact=True)
    assert await judged.verdicts() == (1, 0)


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0, 0), (0.5, 5, 35)])
async def test_share_of_the_matches_is_judged(
    open_judged: Open, share: float, least: int, most: int
) -> None:
    judged = await open_judged(judged_share=share)
    await ask(judged.container, USER, QUESTION)
    for number in range(40):  # beyond these bounds once in a million runs
        assert await judged.is_matched(f"Define faith in words {'x' * number}")
    assert least <= (await judged.verdicts())[0] <= most


@pytest.mark.parametrize("fault", ["an error", "silence", "half a reply", "malformed JSON"])
async def test_model_that_is_down_gives_no_verdict(open_judged: Open, fault: str) -> None:
    """The match stays, and the circuit breaker does not count the call."""
    judged = await open_judged()
    judged.container.match_sampler._send = None
    await judged.match()
    judged.container.match_judging._judge._completions._time_limit_seconds = 0.5
    judged.local.models.failing[CHAT] = FAULTS[fault]
    for _ in range(3):
        outcome = await judged.container.match_judging.judge(await alias_id(judged), USER)
        assert outcome == JudgingOutcome.NO_VERDICT
    assert await judged.verdicts() == (0, 0)
    assert judged.container.circuit_breakers.chat.state == "closed"
    assert await judged.is_matched()


async def test_no_model_is_called_while_the_circuit_breaker_is_open(open_judged: Open) -> None:
    judged = await open_judged()
    judged.container.match_sampler._send = None
    await judged.match()
    judged.container.circuit_breakers.chat._change(float("inf"))
    calls = judged.local.models.count(CHAT)
    outcome = await judged.container.match_judging.judge(await alias_id(judged), USER)
    assert (outcome, judged.local.models.count(CHAT)) == (JudgingOutcome.NO_VERDICT, calls)


async def test_unclear_reply_is_no_verdict(open_judged: Open) -> None:
    judged = await open_judged()
    judged.verdict = "The answer serves both."
    await judged.match()
    assert await judged.verdicts() == (0, 0)
    assert await judged.is_matched()


@pytest.mark.parametrize("event", ["note changed", "user deleted"])
async def test_match_that_was_dropped_before_is_not_judged(open_judged: Open, event: str) -> None:
    judged = await open_judged()
    judged.container.match_sampler._send = None
    await judged.match()
    answer_id = await alias_id(judged)
    await change(judged, event)
    calls = judged.local.models.count(CHAT)
    outcome = await judged.container.match_judging.judge(answer_id, USER)
    assert (outcome, judged.local.models.count(CHAT)) == (JudgingOutcome.DROPPED, calls)


@pytest.mark.parametrize("event", ["note changed", "user deleted"])
async def test_match_that_is_dropped_while_it_is_judged_leaves_nothing_of_its_user(
    open_judged: Open, event: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if the user has asked again since: the refusal belongs to the former match."""
    judged = await open_judged()
    judged.container.match_sampler._send = None
    await judged.match()
    answer_id = await alias_id(judged)
    judge = judged.container.match_judging._judge.judge

    async def judge_slowly(*match: str) -> Any:
        await change(judged, event)
        await write_notes(judged.container, USER, ["garden"])
        await ask(judged.container, USER, QUESTION)
        return await judge(*match)

    monkeypatch.setattr(judged.container.match_judging._judge, "judge", judge_slowly)
    judged.verdict = "NO"
    assert await judged.container.match_judging.judge(answer_id, USER) == JudgingOutcome.WRONG
    refusals = keyspace.UserKeys.of(USER).refusals
    assert send_command(judged.local.valkey.port, f"EXISTS {refusals}") == ":0\r\n"


async def test_redis_that_is_down_fails_no_question_and_no_judging(open_judged: Open) -> None:
    judged = await open_judged()
    reply = await judged.match()
    await judged.container.judging_tasks.wait()
    judged.local.valkey.stop()
    assert reply.answer_id
    outcome = await judged.container.match_judging.judge(reply.answer_id, USER)
    assert outcome == JudgingOutcome.CACHE_UNAVAILABLE


@pytest.mark.logs_exceptions
async def test_unhandled_exception_ends_neither_the_task_nor_a_question(
    open_judged: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    judged = await open_judged()

    async def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patched:
        patched.setattr(JudgedMatches, "read", fail)
        await judged.match()
        await judged.container.judging_tasks.wait()
    assert "unhandled exception in a background request" in caplog.text
    assert await judged.is_matched("Define faith in words y")
    assert await judged.verdicts() == (1, 0)


async def test_container_that_closes_stops_judging(
    open_judged: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = await open_judged()
    monkeypatch.setattr(judged.container.match_judging._judge, "judge", _never)
    await judged.match()
    await judged.container.aclose()
    assert judged.container.judging_tasks._task is None


async def test_wrong_matches_raise_the_threshold_for_every_container(open_judged: Open) -> None:
    first = await open_judged(wrong_target=0.01)
    first.verdict = "NO"
    for number in range(ALLOWED + 1):
        assert (await first.snapshot()).raised_threshold == 0
        await first.match(f"Define faith in words {'x' * number}")
    assert (await first.snapshot()).raised_threshold == 0.925
    second = await open_judged(wrong_target=0.01)
    await ask(second.container, USER, QUESTION)
    assert not await second.is_matched("Define faith in words y")
    second.pair_model.fixed = 0.93
    assert await second.is_matched("Define faith in words z")


async def test_verifier_is_not_asked_below_a_raised_threshold(
    open_judged: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = await open_judged(wrong_target=0.01, semantic_verifier="model", verifier_until=1.0)
    judged.container.match_sampler._send = None
    await ask(judged.container, USER, QUESTION)
    judged.container.raised_threshold.value = 0.95
    monkeypatch.setattr(judged.container.raised_threshold, "receive", lambda _: None)
    calls = judged.local.models.count(CHAT)
    assert not await judged.is_matched()
    assert judged.local.models.count(CHAT) == calls + 1  # the answer


async def _never(*_: object) -> None:
    await asyncio.Event().wait()


async def alias_id(judged: Judged) -> str:
    """Return the answer id of the match."""
    reply = await ask(judged.container, USER, OTHER)
    assert reply.answer_id
    assert reply.matched_question
    return reply.answer_id


async def change(judged: Judged, event: str) -> None:
    """Change the note of the answer, or delete the user."""
    if event == "user deleted":
        message = NoteChanged(
            user_id=USER, operation=Operation.USER_DELETED, occurred_at=datetime.now(UTC)
        )
    else:
        message = updated(USER, "hebrews", "Faith is something else now.", version=2)
    await judged.container.freshness.note_changed(message)
