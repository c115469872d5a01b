"""JSON log lines: their fields, their ids, and no private text."""

import asyncio
import json
import logging
import sys
from typing import Any

import pytest

from shared.observability.json_logging import JsonFormatter, correlation_fields, log_context

SECRET = "my diagnosis"


def fail() -> None:
    try:
        int(SECRET)
    except ValueError as cause:
        raise RuntimeError(SECRET) from cause


def record(*, failing: bool = False, **log_fields: object) -> logging.LogRecord:
    raised = None
    try:
        if failing:
            fail()
    except RuntimeError:
        raised = sys.exc_info()
    log_record = logging.LogRecord(
        "shared.x", logging.INFO, "x.py", 1, "hello %s", ("world",), raised
    )
    log_record.log_fields = log_fields
    return log_record


def test_record_is_one_json_line_with_its_log_fields() -> None:
    line = JsonFormatter(messages=False).format(record(tier="l1", milliseconds=1.5, path="/a\nb"))
    assert "\n" not in line
    members = json.loads(line)
    assert members["message"] == "hello world"
    assert (members["tier"], members["milliseconds"], members["path"]) == ("l1", 1.5, "/a\nb")


def test_exception_is_logged_by_type_and_frames_without_its_message() -> None:
    line = JsonFormatter(messages=False).format(record(failing=True))
    assert SECRET not in line
    exception = json.loads(line)["exception"]
    assert "RuntimeError at" in exception
    assert "from ValueError at" in exception
    assert "test_json_logging.py" in exception


def test_exception_message_is_logged_if_settings_allow_questions() -> None:
    assert SECRET in JsonFormatter(messages=True).format(record(failing=True))


def parsed(line: logging.LogRecord) -> dict[str, Any]:
    members: dict[str, Any] = json.loads(JsonFormatter(messages=False).format(line))
    return members


async def test_log_context_ids_are_in_every_line_of_their_request_only() -> None:
    async def request(name: str) -> dict[str, Any]:
        with log_context(request_id=name, correlation_id=f"correlation {name}"):
            await asyncio.sleep(0.001)
            return await asyncio.create_task(library())

    async def library() -> dict[str, Any]:
        await asyncio.sleep(0.001)
        return parsed(record())

    lines = await asyncio.gather(request("a"), request("b"))
    assert [(line["request_id"], line["correlation_id"]) for line in lines] == [
        ("a", "correlation a"),
        ("b", "correlation b"),
    ]
    assert "request_id" not in parsed(record())


def test_nested_log_contexts_are_merged() -> None:
    with log_context(request_id="r"), log_context(message_id="m"):
        line = parsed(record())
    assert (line["request_id"], line["message_id"]) == ("r", "m")


TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("carrier", "expected"),
    [
        ({"x-correlation-id": "order-7:b"}, "order-7:b"),
        ({"x-correlation-id": "order-7", "traceparent": TRACEPARENT}, "order-7"),
        ({"traceparent": TRACEPARENT}, "0af7651916cd43dd8448eb211c80319c"),
        ({"x-correlation-id": "x" * 129, "traceparent": TRACEPARENT}, TRACEPARENT[3:35]),
        ({"x-correlation-id": "x" * 129}, None),
        ({"x-correlation-id": 'two words\n"level": "ERROR"'}, None),
        ({"x-correlation-id": "\u202eevil"}, None),
        ({"x-correlation-id": ""}, None),
        ({"traceparent": "00-0AF7-1-01"}, None),
        ({}, None),
    ],
)
def test_correlation_id_is_logged_if_it_is_safe(
    carrier: dict[str, str], expected: str | None
) -> None:
    assert correlation_fields(carrier).get("correlation_id") == expected


def test_time_is_utc_with_milliseconds() -> None:
    log_record = record()
    log_record.created, log_record.msecs = 1_793_527_200.004, 4.0
    assert parsed(log_record)["time"] == "2026-11-01T10:00:00.004+00:00"
