"""A chat completion is assembled from server-sent events."""

import json
from typing import Any

import pytest

from shared.inference.replies.event_stream import assemble_completion, is_event_stream
from tests.support.growth import assert_linear


def event(delta: dict[str, Any], finish_reason: str | None = None, **given: Any) -> str:
    """Return one event of a chat completion."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    chunk = {"object": "chat.completion.chunk", "choices": [choice], **given}
    return f"data: {json.dumps(chunk, ensure_ascii=False)}"


EVENTS = [
    event({"role": "assistant", "content": ""}),
    event({"reasoning_content": "The user asks."}),
    event({"content": "Faith "}),
    event({"content": "is\u2028trust [1]."}),
    event({}, "stop"),
    'data: {"choices": [], "usage": {"completion_tokens": 7}, "model": "m"}',
    "data: [DONE]",
]


@pytest.mark.parametrize("line_end", ["\n\n", "\r\n\r\n", "\n", "\r\r"])
@pytest.mark.parametrize("start", ["", "\n", "event: message\nid: 7\nretry: 100\n"])
def test_deltas_are_joined(start: str, line_end: str) -> None:
    body = start + line_end.join(EVENTS) + line_end
    assert is_event_stream(body.encode())
    completion = assemble_completion(body)
    (choice,) = completion["choices"]
    assert "".join(choice["message"]["content"]) == "Faith is\u2028trust [1]."
    assert choice["message"]["reasoning_content"] == "The user asks."
    assert choice["finish_reason"] == "stop"
    assert (completion["usage"], completion["model"]) == ({"completion_tokens": 7}, "m")


def test_one_event_may_hold_the_whole_message() -> None:
    chunk = {"choices": [{"message": {"content": "Faith."}, "finish_reason": "length"}]}
    (choice,) = assemble_completion(f"data: {json.dumps(chunk)}\n\n")["choices"]
    assert (choice["message"]["content"], choice["finish_reason"]) == (["Faith."], "length")


def test_error_within_the_stream_is_the_result() -> None:
    body = "\n\n".join([EVENTS[2], 'data: {"error": {"message": "overloaded"}}', "data: [DONE]"])
    assert assemble_completion(body) == {"error": {"message": "overloaded"}}


@pytest.mark.parametrize(
    "line",
    [
        'data: {"object": "error", "message": "overloaded", "code": 503}',
        'data: {"detail": "overloaded"}',
        'event: error\ndata: {"message": "overloaded"}',
        'error: {"message": "overloaded"}',
        'data: {"choices": [{"delta": {}, "error": {"code": 503}, "finish_reason": "error"}]}',
    ],
)
def test_error_in_another_form_is_not_dropped(line: str) -> None:
    completion = assemble_completion("\n\n".join([EVENTS[2], line, "data: [DONE]"]))
    (choice,) = completion.get("choices", [{"error": completion}])
    assert choice["error"]


def test_another_choice_is_not_mixed_with_the_first() -> None:
    other = {"choices": [{"index": 1, "delta": {"content": "Hope"}, "finish_reason": "length"}]}
    body = "\n\n".join([*EVENTS[:3], f"data: {json.dumps(other)}", *EVENTS[3:]])
    assert assemble_completion(body) == assemble_completion("\n\n".join(EVENTS))


def test_stream_that_ends_early_is_an_error() -> None:
    assert assemble_completion("\n\n".join(EVENTS[:4])) == {"error": "the event stream ended early"}
    assert "error" not in assemble_completion("\n\n".join(EVENTS[:5]))
    assert "error" not in assemble_completion("\n\n".join([*EVENTS[:4], EVENTS[-1]]))


@pytest.mark.parametrize("body", ['data: {"choices": [', "data: text"])
def test_malformed_event_is_refused(body: str) -> None:
    with pytest.raises(json.JSONDecodeError):
        assemble_completion(body)


@pytest.mark.parametrize(
    "body",
    ['{"choices": []}', ': ping\n\n{"choices": []}', "\n\n{}", "database: x", "", "<p>data:"],
)
def test_other_bodies_are_no_event_stream(body: str) -> None:
    assert not is_event_stream(body.encode())


_REASONING = 'data: {"choices": [{"delta": {"reasoning": "0123456789"}}]}\n\n'


def test_long_reasoning_is_assembled() -> None:
    completion = assemble_completion(_REASONING * 100 + "data: [DONE]\n\n")
    assert len(completion["choices"][0]["message"]["reasoning"]) == 1_000


@pytest.mark.slow
def test_long_reasoning_is_assembled_in_linear_time() -> None:
    assert_linear(assemble_completion, _REASONING, 100_000 * len(_REASONING))
