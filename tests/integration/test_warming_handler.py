"""The Lambda function of cache warming, and its queue, with a real Valkey."""

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from functions.ask.warming_handler import WarmingHandler
from functions.ask.warming_message import MAX_QUESTIONS, parse_message
from shared.aws.warming_queue import WarmingQueue
from shared.cache.redis.commands import Command
from shared.errors import ConfigurationError, InvalidRequestError
from shared.settings import Settings
from tests.support.fakes import SlowAnswerer, create_container
from tests.support.full_stack import ask, updated

CONTEXT: Any = SimpleNamespace(
    aws_request_id="request", get_remaining_time_in_millis=lambda: 300_000
)
LATE: Any = SimpleNamespace(aws_request_id="request", get_remaining_time_in_millis=lambda: 10_000)


class Function:
    """The handler with a container of fakes; `fence` is that after a note change."""

    def __init__(self, url: str) -> None:
        self.answerer = SlowAnswerer()
        self.container = create_container(
            url,
            answerer=self.answerer,
            redis_timeout=2,
            warming="all",
            warm_queue_url="in-process",
        )
        self.container.override(warming_tasks=self)
        self.handler = WarmingHandler(lambda: self.container)
        self.fence = ""
        # Creates the handler's event loop.
        self.handler({"user_id": "cid", "questions": ["Eats?"]}, CONTEXT)
        assert self.handler._warm
        self._loop = self.handler._warm[0]

    async def send(self, user_id: str, fence: str) -> None:
        assert user_id == "ann"
        self.fence = fence

    def prepare(self) -> None:
        """Cache an answer of Ann, and drop it by a note change."""

        async def prepare() -> None:
            await self.container.background_redis_client.execute(Command.of("FLUSHDB"))
            await self.container.freshness.note_changed(updated("ann", "n", "Ann eats bread."))
            await ask(self.container, "ann", "What does Ann eat?")
            await self.container.freshness.note_changed(updated("ann", "n", "Ann eats rice."))

        self._loop.run_until_complete(prepare())

    def tier(self, question: str) -> str | None:
        return self._loop.run_until_complete(ask(self.container, "ann", question)).tier

    def close(self) -> None:
        del self.container.warming_tasks
        self._loop.run_until_complete(self.container.aclose())
        self._loop.close()


@pytest.fixture
def function(valkey_url: str) -> Iterator[Function]:
    function = Function(valkey_url)
    function.prepare()
    yield function
    function.close()


def event(*bodies: object) -> dict[str, Any]:
    texts = (body if isinstance(body, str) else json.dumps(body) for body in bodies)
    return {"Records": [{"messageId": str(n), "body": text} for n, text in enumerate(texts)]}


def test_message_of_a_note_change_warms_what_it_dropped(function: Function) -> None:
    response = function.handler(event({"user_id": "ann", "fence": function.fence}), CONTEXT)
    assert response == {"batchItemFailures": [], "outcomes": {"answered": 1}}
    assert function.tier("What does Ann eat?") == "l1"


def test_given_questions_are_answered_ahead(function: Function) -> None:
    message = {"user_id": "ann", "questions": ["What does Ann drink?"]}
    response = function.handler(event(message), CONTEXT)
    assert response == {"batchItemFailures": [], "outcomes": {"answered": 1}}
    assert function.tier("What does Ann drink?") == "l1"
    assert function.handler(message, CONTEXT) == {"outcomes": {"cached": 1}}  # invoked directly


def test_match_that_is_no_longer_cached_is_not_judged(function: Function) -> None:
    message = {"user_id": "ann", "answer_id": "answer.alias"}
    response = function.handler(event(message), CONTEXT)
    assert response == {"batchItemFailures": [], "outcomes": {"dropped": 1}}


def test_only_an_invalid_message_fails_and_its_text_is_not_logged(
    function: Function, caplog: pytest.LogCaptureFixture
) -> None:
    valid = {"user_id": "ann", "fence": "another"}
    response = function.handler(
        event("{", {"user_id": "ann", "questions": "secret"}, valid), CONTEXT
    )
    failed = [each["itemIdentifier"] for each in response["batchItemFailures"]]
    assert failed == ["0", "1"]
    records = [record for record in caplog.records if record.message == "warming failed"]
    assert len(records) == 2
    assert not any("secret" in str(vars(record)) for record in records)
    with pytest.raises(InvalidRequestError, match="exactly one of fence, questions"):
        function.handler({"user_id": "ann"}, CONTEXT)


def test_message_without_time_left_is_received_again(function: Function) -> None:
    message = event({"user_id": "ann", "fence": function.fence})
    assert function.handler(message, LATE)["batchItemFailures"] == [{"itemIdentifier": "0"}]
    assert function.handler(message, CONTEXT)["batchItemFailures"] == []
    assert function.tier("What does Ann eat?") == "l1"


def test_each_message_has_the_time_that_the_ones_before_it_left(function: Function) -> None:
    remaining = iter([300_000, 10_000])
    context: Any = SimpleNamespace(
        aws_request_id="request", get_remaining_time_in_millis=lambda: next(remaining)
    )
    given = {"user_id": "ann", "questions": ["What does Ann drink?"]}
    changed = {"user_id": "ann", "fence": function.fence}
    response = function.handler(event(given, changed), context)
    assert response["batchItemFailures"] == [{"itemIdentifier": "1"}]
    assert response["outcomes"] == {"answered": 1, "unfinished": 1}


def test_unhandled_exception_fails_its_message_without_its_text(
    function: Function, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("What does Ann eat?")

    monkeypatch.setattr(type(function.container.warmer), "warm_pending", fail)
    response = function.handler(event({"user_id": "ann", "fence": "f"}), CONTEXT)
    assert response["batchItemFailures"] == [{"itemIdentifier": "0"}]
    (record,) = [record for record in caplog.records if record.message == "warming failed"]
    assert "RuntimeError" in str(vars(record))
    assert "Ann" not in str(vars(record))


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ({"user_id": "ann"}, "exactly one of fence, questions"),
        ({"user_id": "ann", "fence": "f", "questions": ["q"]}, "exactly one of fence, questions"),
        ({"user_id": "ann", "fence": "f", "answer_id": "a"}, "exactly one of fence, questions"),
        ({"user_id": "ann", "answer_id": "x" * 101}, "answer_id"),
        ({"user_id": "", "fence": "f"}, "user_id"),
        ({"user_id": "ann", "questions": []}, "questions"),
        ({"user_id": "ann", "questions": ["q"] * (MAX_QUESTIONS + 1)}, "questions"),
        ({"user_id": "ann", "questions": ["x" * 4_001]}, "questions.0"),
    ],
)
def test_error_of_a_message_names_the_field_and_not_its_value(
    message: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InvalidRequestError, match=problem) as caught:
        parse_message(json.dumps(message))
    assert "xxxx" not in str(caught.value)


@pytest.fixture
def queue_url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        sqs = boto3.client("sqs", region_name="eu-central-1")
        yield sqs.create_queue(QueueName="warming")["QueueUrl"]


async def test_note_change_sends_the_fence_and_no_text_to_the_queue(
    valkey_url: str, queue_url: str
) -> None:
    container = create_container(
        valkey_url,
        redis_timeout=2,
        warming="all",
        warm_queue_url=queue_url,
        aws_region="eu-central-1",
    )
    await container.background_redis_client.execute(Command.of("FLUSHDB"))
    await container.freshness.note_changed(updated("ann", "n", "Ann eats bread."))
    await ask(container, "ann", "What does Ann eat?")
    await container.freshness.note_changed(updated("ann", "n", "Ann eats rice."))
    sqs = boto3.client("sqs", region_name="eu-central-1")
    (message,) = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10)["Messages"]
    parsed = parse_message(message["Body"])
    assert json.loads(message["Body"]).keys() == {"user_id", "fence"}
    outcomes = await container.warmer.warm_pending(parsed.user_id, parsed.fence or "")
    assert outcomes == {"answered": 1}
    await container.aclose()


async def test_note_change_does_not_fail_with_the_queue(
    queue_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    await WarmingQueue(f"{queue_url}-none", "eu-central-1").send("ann", "fence")
    assert "a message was not sent" in caplog.text


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"WARM_QUEUE_URL": "queue"}, "WARM_QUEUE_URL"),
        ({"WARM_QUEUE_URL": "https://sqs.example/q"}, "AWS_REGION must be set"),
        ({"CACHE_WARMING": "sometimes"}, "CACHE_WARMING"),
        ({"WARM_DAILY_BUDGET": "0"}, "WARM_DAILY_BUDGET"),
    ],
)
def test_invalid_settings_are_refused(variables: dict[str, str], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        Settings.from_env(variables)
