"""Logs say what happened, and nothing that anybody wrote."""

import asyncio
import json
import logging
import sys
from typing import Any

import pytest

from shared.observability.json_logging import JsonFormatter, correlation_fields, log_context

SECRET = "what my doctor told me"


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
    made = logging.LogRecord("shared.x", logging.INFO, "x.py", 1, "said %s", ("so",), raised)
    made.log_fields = log_fields
    return made


def test_a_record_is_one_line_of_json_with_its_facts() -> None:
    line = JsonFormatter(messages=False).format(record(tier="l1", milliseconds=1.5, path="/a\nb"))
    assert "\n" not in line
    said = json.loads(line)
    assert said["message"] == "said so"
    assert (said["tier"], said["milliseconds"], said["path"]) == ("l1", 1.5, "/a\nb")


def test_an_exception_is_told_by_type_and_place_and_never_quoted() -> None:
    line = JsonFormatter(messages=False).format(record(failing=True))
    assert SECRET not in line
    exception = json.loads(line)["exception"]
    assert "RuntimeError at" in exception
    assert "from ValueError at" in exception
    assert "test_telemetry.py" in exception


def test_whoever_lets_questions_be_logged_reads_messages_too() -> None:
    assert SECRET in JsonFormatter(messages=True).format(record(failing=True))


def said(line: logging.LogRecord) -> dict[str, Any]:
    written: dict[str, Any] = json.loads(JsonFormatter(messages=False).format(line))
    return written


async def test_every_line_of_a_request_tells_its_ids_and_no_other_requests() -> None:
    async def request(name: str) -> dict[str, Any]:
        with log_context(request_id=name, correlation_id=f"of {name}"):
            await asyncio.sleep(0.001)
            return await asyncio.create_task(library())

    async def library() -> dict[str, Any]:
        await asyncio.sleep(0.001)
        return said(record())

    lines = await asyncio.gather(request("a"), request("b"))
    assert [(line["request_id"], line["correlation_id"]) for line in lines] == [
        ("a", "of a"),
        ("b", "of b"),
    ]
    assert "request_id" not in said(record())


def test_ids_of_what_is_within_join_those_around() -> None:
    with log_context(request_id="r"), log_context(message_id="m"):
        line = said(record())
    assert (line["request_id"], line["message_id"]) == ("r", "m")


TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("carried", "found"),
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
def test_a_callers_id_is_taken_where_it_is_fit_for_a_log(
    carried: dict[str, str], found: str | None
) -> None:
    assert correlation_fields(carried).get("correlation_id") == found


def test_a_lines_time_is_utc_to_the_millisecond() -> None:
    made = record()
    made.created, made.msecs = 1_793_527_200.004, 4.0
    assert said(made)["time"] == "2026-11-01T10:00:00.004+00:00"
