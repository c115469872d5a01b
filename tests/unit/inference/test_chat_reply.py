"""The end of a completion is read from each field that hosts use for it."""

from typing import Any

import pytest

from shared.inference.replies.chat_reply import read_chat_reply


def reply(
    content: Any = "Faith is trust [1].", *, finish_reason: Any = None, **choice: Any
) -> dict[str, Any]:
    message = {"content": content, **choice.pop("message", {})}
    return {"choices": [{"finish_reason": finish_reason, "message": message, **choice}]}


@pytest.mark.parametrize(
    ("fields", "finish"),
    [
        ({"stop_reason": "max_tokens"}, "incomplete"),
        ({"stop_reason": "refusal"}, "filtered"),
        ({"stop_reason": "tool_use"}, "tool"),
        ({"finish_reason": "stop", "stop_reason": 151645}, "complete"),
        ({"finish_reason": "stop", "stop_reason": "###"}, "complete"),
        ({"done_reason": "length"}, "incomplete"),
        ({"finishReason": "MAX_TOKENS"}, "incomplete"),
        ({"finish_reason": "stop", "native_finish_reason": "MAX_TOKENS"}, "incomplete"),
        ({"finish_reason": "stop", "native_finish_reason": "SAFETY"}, "filtered"),
        ({"finish_reason": "stop", "native_finish_reason": "completed"}, "complete"),
        ({"finish_reason": "stop", "error": {"code": 502}}, "failed"),
        ({"finish_reason": "null"}, "complete"),
        ({"finish_reason": "stop", "message": {"tool_calls": [{"id": "1"}]}}, "tool"),
        ({"finish_reason": "stop", "message": {"function_call": {"name": "x"}}}, "tool"),
    ],
)
def test_worst_reason_counts(fields: dict[str, Any], finish: str) -> None:
    assert read_chat_reply(reply(**fields), "The host").finish == finish


@pytest.mark.parametrize("name", ["done_reason", "stop_reason"])
def test_reason_beside_the_choices_counts(name: str) -> None:
    assert read_chat_reply({**reply(), name: "max_tokens"}, "The host").finish == "incomplete"


def test_call_of_a_tool_as_text_is_no_answer() -> None:
    text = '<tool_call>{"name": "search"}</tool_call>'
    assert read_chat_reply(reply(text, finish_reason="stop"), "The host").finish == "tool"


@pytest.mark.parametrize("text", ["\u200b", "\ufeff \u2060", "\x00", "...", "**", "```\n```", "{}"])
def test_text_without_words_is_empty(text: str) -> None:
    read = read_chat_reply(reply(text, finish_reason="stop"), "The host")
    assert (read.text, read.has_reasoning) == ("", False)


@pytest.mark.parametrize("text", ["5", "\U0001f44d", "\u2192", "\u4fe1"])
def test_short_answer_is_no_empty_text(text: str) -> None:
    assert read_chat_reply(reply(text), "The host").text == text
