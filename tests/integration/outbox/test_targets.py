"""The targets of the relay: HTTP and SQS."""

import hashlib
import json
import re
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from infra.outbox.settings import OutboxSettings, database_connector
from infra.outbox.targets import (
    DeliveryError,
    PushTarget,
    QueueTarget,
    RefusedError,
    create_target,
)
from shared.errors import ConfigurationError
from tests.support.event_source import serving_sqs, sqs_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_sqs import SQSClient

URL = "https://tercet.example/notes/changes"
MESSAGE: dict[str, Any] = {"user_id": "änn", "note_id": "1", "sequence": 5, "text": "a text"}


def push_target(response: httpx.Response, **options: str) -> tuple[PushTarget, list[httpx.Request]]:
    requests: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return response

    target = PushTarget(URL, **options)
    target._client = httpx.AsyncClient(transport=httpx.MockTransport(handle))
    return target, requests


async def test_push_sends_the_message_with_the_present_token(tmp_path: Path) -> None:
    file = tmp_path / "token"
    target, requests = push_target(httpx.Response(204), token_file=str(file))
    async with aclosing(target):
        for token in ("first", "second"):
            file.write_text(f"{token}\n")
            await target.send(MESSAGE)
        file.unlink()
        with pytest.raises(DeliveryError, match="FileNotFoundError"):
            await target.send(MESSAGE)
    assert [each.headers["authorization"] for each in requests] == ["Bearer first", "Bearer second"]
    assert json.loads(requests[0].content) == MESSAGE


@pytest.mark.parametrize(
    ("status", "is_refused"),
    [(422, True), (413, True), (400, True), (503, False), (500, False), (429, False), (401, False)],
)
async def test_push_tells_a_refusal_from_a_failure(status: int, *, is_refused: bool) -> None:
    headers = {"content-type": "application/problem+json"}
    problem = json.dumps({"detail": "user_id: too long" + "x" * 1_000})
    target, _ = push_target(httpx.Response(status, headers=headers, text=problem), token="any")
    async with aclosing(target):
        with pytest.raises(DeliveryError, match=f"status {status} user_id: too long") as caught:
            await target.send(MESSAGE)
    assert isinstance(caught.value, RefusedError) == is_refused
    assert len(str(caught.value)) <= 300


async def test_push_to_a_server_that_does_not_respond_fails(unused_tcp_port: int) -> None:
    async with aclosing(PushTarget(f"http://127.0.0.1:{unused_tcp_port}/notes/changes")) as target:
        with pytest.raises(DeliveryError, match="no response"):
            await target.send(MESSAGE)


@pytest.mark.parametrize("content", ["tok\u00e9n".encode(), b"two\ntokens", b"\xff\xfe"])
async def test_push_with_an_invalid_token_is_a_failure_that_names_the_setting(
    tmp_path: Path, content: bytes
) -> None:
    """It is no error of the note, and no error that ends the relay."""
    file = tmp_path / "token"
    file.write_bytes(content)
    target, requests = push_target(httpx.Response(204), token_file=str(file))
    async with aclosing(target):
        with pytest.raises(DeliveryError, match="OUTBOX_PUSH_TOKEN_FILE must") as caught:
            await target.send(MESSAGE)
    assert not isinstance(caught.value, RefusedError)
    assert not requests


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (rb'{"detail": "\u0000\ud800"}', "status 503 \ufffd"),
        (b"[" * 100_000, "status 503"),
        (b"[1]", "status 503"),
        (b'{"detail": "\xff"}', "status 503"),
    ],
    ids=["not storable", "too deep", "no object", "no UTF-8"],
)
async def test_reason_of_a_failure_can_be_stored_whatever_the_response(
    body: bytes, reason: str
) -> None:
    headers = {"content-type": "application/problem+json"}
    target, _ = push_target(httpx.Response(503, headers=headers, content=body))
    async with aclosing(target):
        with pytest.raises(DeliveryError) as caught:
            await target.send(MESSAGE)
    assert str(caught.value) == reason


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> "Iterator[SQSClient]":
    with serving_sqs() as client:
        for name, value in sqs_environment(client).items():
            monkeypatch.setenv(name, value)
        yield client


async def test_queue_gets_the_message_grouped_by_user(sqs: "SQSClient") -> None:
    sqs.create_queue(QueueName="ordered.fifo", Attributes={"FifoQueue": "true"})
    sqs.create_queue(QueueName="plain")
    for name in "plain", "ordered.fifo":
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        async with aclosing(QueueTarget(url, "eu-central-1")) as target:
            await target.send(MESSAGE)
        (received,) = sqs.receive_message(QueueUrl=url, AttributeNames=["All"])["Messages"]
        assert json.loads(received["Body"]) == MESSAGE
        group = hashlib.sha256(MESSAGE["user_id"].encode()).hexdigest()
        assert received["Attributes"]["MessageGroupId"] == group


async def test_queue_gets_characters_that_sqs_does_not_allow(sqs: "SQSClient") -> None:
    url = sqs.create_queue(QueueName="plain")["QueueUrl"]
    message = MESSAGE | {
        "text": "".join(map(chr, (*range(1, 160), 0xFFFD, 0xFFFE, 0xFFFF, 0x1FFFF)))
    }
    async with aclosing(QueueTarget(url, "eu-central-1")) as target:
        await target.send(message)
    (received,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert json.loads(received["Body"]) == message
    # The characters that `SendMessage` allows; the emulator accepts others.
    assert re.fullmatch("[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*", received["Body"])


async def test_queue_tells_a_refusal_from_a_failure(sqs: "SQSClient") -> None:
    url = sqs.create_queue(QueueName="plain")["QueueUrl"]
    async with aclosing(QueueTarget(url, "eu-central-1")) as target:
        with pytest.raises(RefusedError, match="SQS: InvalidParameterValue"):
            await target.send(MESSAGE | {"text": "x" * 2_000_000})
        sqs.delete_queue(QueueUrl=url)
        with pytest.raises(DeliveryError, match=r"NonExistentQueue|QueueDoesNotExist") as caught:
            await target.send(MESSAGE)
        assert not isinstance(caught.value, RefusedError)


@pytest.mark.parametrize(
    ("environ", "reason"),
    [
        ({}, "either OUTBOX_QUEUE_URL"),
        ({"OUTBOX_QUEUE_URL": URL, "OUTBOX_PUSH_URL": URL}, "either OUTBOX_QUEUE_URL"),
        ({"OUTBOX_QUEUE_URL": URL}, "requires AWS_REGION"),
        ({"OUTBOX_PUSH_URL": "tercet"}, "OUTBOX_PUSH_URL must begin with https://"),
        (
            {"OUTBOX_PUSH_URL": URL, "OUTBOX_PUSH_TOKEN": "a", "OUTBOX_PUSH_TOKEN_FILE": "b"},
            "must not be set both",
        ),
    ],
)
def test_invalid_settings_are_named(environ: dict[str, str], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        OutboxSettings.from_env(environ)


async def test_settings_select_the_target() -> None:
    settings = OutboxSettings.from_env({"OUTBOX_PUSH_URL": URL, "OUTBOX_PUSH_TOKEN": "secret"})
    assert "secret" not in repr(settings)
    async with aclosing(create_target(settings)) as target:
        assert isinstance(target, PushTarget)


@pytest.mark.parametrize("name", ["DATABASE_URL", "OUTBOX_DATABASE_URL"])
@pytest.mark.parametrize("url", ["sqlite:///notes.db", "mysql://ann:secret@host/app", "secret"])
def test_database_must_be_postgres(name: str, url: str) -> None:
    with pytest.raises(ConfigurationError, match="OUTBOX_DATABASE_URL must be the") as caught:
        database_connector({name: url})
    assert "secret" not in str(caught.value)
