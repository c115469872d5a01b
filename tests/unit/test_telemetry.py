"""Logs say what happened, and nothing that anybody wrote."""

import json
import logging
import sys

from shared.telemetry import JsonLines

SECRET = "what my doctor told me"


def fail() -> None:
    try:
        int(SECRET)
    except ValueError as cause:
        raise RuntimeError(SECRET) from cause


def record(*, failing: bool = False, **facts: object) -> logging.LogRecord:
    raised = None
    try:
        if failing:
            fail()
    except RuntimeError:
        raised = sys.exc_info()
    made = logging.LogRecord("shared.x", logging.INFO, "x.py", 1, "said %s", ("so",), raised)
    made.facts = facts
    return made


def test_a_record_is_one_line_of_json_with_its_facts() -> None:
    line = JsonLines(messages=False).format(record(tier="l1", milliseconds=1.5, path="/a\nb"))
    assert "\n" not in line
    said = json.loads(line)
    assert said["message"] == "said so"
    assert (said["tier"], said["milliseconds"], said["path"]) == ("l1", 1.5, "/a\nb")


def test_an_exception_is_told_by_type_and_place_and_never_quoted() -> None:
    line = JsonLines(messages=False).format(record(failing=True))
    assert SECRET not in line
    exception = json.loads(line)["exception"]
    assert "RuntimeError at" in exception
    assert "from ValueError at" in exception
    assert "test_telemetry.py" in exception


def test_whoever_lets_questions_be_logged_reads_messages_too() -> None:
    assert SECRET in JsonLines(messages=True).format(record(failing=True))
