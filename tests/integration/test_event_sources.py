"""Events of `invalidate` that come without a queue, and warm-up events of all functions."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from functions.ask.app import create_app
from functions.http.gateway import GatewayHandler
from functions.invalidate.handler import QueueHandler
from shared.errors import InvalidChangeError, InvalidRequestError
from shared.notes.note import Note
from shared.settings import Settings
from tests.support.queues import Context, batch, body, close, failed, make_container

EVENTS = Path(__file__).resolve().parents[1] / "events"
CHANGE = json.loads(body("ann", "n", "created", 1, "Faith is hope."))
SNS = json.loads((EVENTS / "sns.json").read_text())
EVENTBRIDGE = json.loads((EVENTS / "eventbridge.json").read_text())


def sns(*messages: str) -> dict[str, Any]:
    records = [
        {"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": SNS | {"Message": message}}
        for message in messages
    ]
    return {"Records": records}


@pytest.fixture
def settings(valkey_url: str, tmp_path: Path) -> Settings:
    return Settings(redis_url=valkey_url, database_url=f"sqlite:///{tmp_path / 'notes.db'}")


@pytest.fixture
def handler(settings: Settings) -> Iterator[QueueHandler]:
    handler = QueueHandler(lambda: make_container(settings))
    yield handler
    if handler._warm:
        close(handler)


def invoke(handler: QueueHandler, event: Any) -> list[str]:
    return failed(handler(event, Context()))  # type: ignore[arg-type]  # the attributes that are used


def note(handler: QueueHandler, note_id: str = "n") -> Note | None:
    assert handler._warm
    loop, container = handler._warm
    return loop.run_until_complete(container.store.get_note("ann", note_id))


@pytest.mark.parametrize(
    "event",
    [
        sns(json.dumps(CHANGE)),
        EVENTBRIDGE | {"detail": CHANGE},
        {"specversion": "1.0", "type": "x", "source": "y", "id": "z", "data": CHANGE},
        CHANGE,
        batch(json.dumps(CHANGE)),
        batch(json.dumps(CHANGE))["Records"],
        [CHANGE],
        [json.dumps(CHANGE)],
        [EVENTBRIDGE | {"detail": CHANGE}],
    ],
    ids=[
        *("SNS", "EventBridge", "CloudEvent", "message", "SQS", "pipe of SQS records"),
        *("pipe of messages", "pipe of texts", "pipe of events"),
    ],
)
def test_change_of_every_event_source_is_applied(handler: QueueHandler, event: Any) -> None:
    assert invoke(handler, event) == []
    stored = note(handler)
    assert stored
    assert stored.text == "Faith is hope."


def test_pipe_redelivers_only_the_failed_messages(handler: QueueHandler) -> None:
    event = batch("no JSON", json.dumps(CHANGE))["Records"]
    assert invoke(handler, event) == ["0"]
    assert note(handler)


def test_a_failed_message_without_a_queue_fails_the_event_after_the_others(
    handler: QueueHandler,
) -> None:
    """Lambda repeats the event, or moves it to the function's dead-letter queue."""
    with pytest.raises(InvalidChangeError, match="not JSON"):
        invoke(handler, sns("no JSON", json.dumps(CHANGE)))
    assert note(handler)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"Records": [{"eventSource": "aws:kinesis"}]}, "aws:kinesis"),
        ({"Records": [{"eventSource": "aws:s3", "s3": {}}]}, "aws:s3"),
        ({"Records": [{"eventSource": "aws:dynamodb"}]}, "SQS, SNS, EventBridge"),
        ({"Records": [*batch("a")["Records"], *sns("b")["Records"]]}, r"\['aws:sns', 'aws:sqs'\]"),
        ({"Records": "x"}, "no source"),
        ({"Records": [7]}, "unknown"),
        ({"Records": [{"EventSource": "aws:sns"}]}, "one JSON object"),
        ({"key1": "value1", "key2": "value2"}, "user_id"),
        ({}, "user_id"),
        ([7], "one JSON object"),
        ("text", "not JSON"),
        (None, "one JSON object"),
        ({"requestContext": {"http": {}}, "version": "2.0"}, "user_id"),
    ],
)
def test_another_event_is_refused_with_a_clear_error(
    handler: QueueHandler, event: Any, reason: str
) -> None:
    with pytest.raises(InvalidChangeError, match=reason):
        invoke(handler, event)


@pytest.mark.parametrize(
    "name",
    [
        "software.amazon.payloadoffloading.PayloadS3Pointer",
        "com.amazon.sqs.javamessaging.MessageS3Pointer",
    ],
)
def test_pointer_of_the_extended_client_is_refused_with_what_to_send_instead(
    handler: QueueHandler, name: str
) -> None:
    pointer = json.dumps([name, {"s3BucketName": "b", "s3Key": "k"}])
    assert invoke(handler, batch(pointer)) == ["0"]
    with pytest.raises(InvalidChangeError, match="POST /v1/notes/changes"):
        invoke(handler, [pointer])


WARM_UPS = [
    {"warmer": True, "concurrency": 3},
    {"warmup": True},
    {"source": "serverless-plugin-warmup"},
    EVENTBRIDGE | {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}},
    EVENTBRIDGE | {"source": "aws.scheduler", "detail-type": "Scheduled Event", "detail": "{}"},
]


@pytest.mark.parametrize("event", WARM_UPS)
def test_warm_up_event_is_answered(
    handler: QueueHandler, settings: Settings, event: dict[str, Any]
) -> None:
    assert invoke(handler, event) == []
    app = create_app(make_container(settings))
    assert GatewayHandler(app)(event, Context()) == {"statusCode": 204}  # type: ignore[arg-type]


@pytest.mark.parametrize("event", [{"warmer": False}, {"source": "app.notes"}, {}, []])
def test_other_events_are_no_warm_up(settings: Settings, event: Any) -> None:
    with pytest.raises(InvalidRequestError, match="HTTP events"):
        GatewayHandler(create_app(make_container(settings)))(event, Context())  # type: ignore[arg-type]
