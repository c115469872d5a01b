"""Completions in their many forms: see `finish_reasons` and `reasoning` for their contents."""

import json
from typing import Any

from tests.support.host_replies.host_reply import ANSWER, HostReply


def completion(*, finish_reason: Any = "stop", **message: Any) -> dict[str, Any]:
    """Return the JSON of a completion with this message."""
    return {"choices": [{"finish_reason": finish_reason, "message": message}]}


def event_stream(*chunks: dict[str, Any], end: str = "data: [DONE]\n\n") -> str:
    """Return chunks as server-sent events."""
    return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + end


def chunk(finish_reason: str | None = None, **delta: Any) -> dict[str, Any]:
    """Return one chunk of a completion."""
    ending = {"finish_reason": finish_reason} if finish_reason else {}
    return {"choices": [{"delta": delta, **ending}]}


def chat_reply(name: str, description: str, body: Any, outcome: str) -> HostReply:
    return HostReply(name, description, "chat", body, outcome)


_TEXT = json.dumps(completion(content=ANSWER))

COMPLETIONS = (
    chat_reply("completion", "sends a completion", completion(content=ANSWER), "answered"),
    chat_reply(
        "success beside",
        "reports success beside the result",
        {"code": 0, "message": "success", "error": {"code": 0, "message": ""}}
        | completion(content=ANSWER),
        "answered",
    ),
    chat_reply(
        "comments",
        "sends comments first (OpenRouter)",
        f": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\r\n\n{_TEXT}",
        "answered",
    ),
    chat_reply("blank lines", "sends blank lines around", f"\n \r\n\n{_TEXT}\n\n", "answered"),
    chat_reply("byte order mark", "sends a byte order mark", f"\ufeff{_TEXT}", "answered"),
    chat_reply("byte order mark and comment", "sends both", f"\ufeff: wait\n{_TEXT}", "answered"),
    chat_reply("no choice", "sends no choice", {"choices": []}, "error: an empty message"),
    chat_reply("no choices", "sends another JSON", {"x": 1}, "error: without choices[0].message"),
    chat_reply(
        "no message",
        "sends a choice without a message",
        {"choices": [{"index": 0}]},
        "error: without choices[0].message",
    ),
    chat_reply(
        "parts",
        "sends a list of parts",
        completion(
            content=[{"type": "text", "text": "Faith is "}, {"type": "text", "text": "trust [1]."}]
        ),
        "answered",
    ),
    chat_reply(
        "parts with reasoning",
        "sends reasoning as a part (Mistral)",
        completion(
            content=[
                {"type": "thinking", "thinking": [{"type": "text", "text": "Well."}]},
                {"type": "text", "text": ANSWER},
            ]
        ),
        "answered",
    ),
    chat_reply("number", "sends no text", completion(content=7), "error: content is int, not text"),
    chat_reply(
        "events",
        "streams although it should not",
        event_stream(chunk(content="Faith is "), chunk(content="trust [1]."), chunk("stop")),
        "answered",
    ),
    chat_reply(
        "events after a comment",
        "streams, with a comment first",
        ": ping\n\n" + event_stream(chunk(reasoning="Well."), chunk("stop", content=ANSWER)),
        "answered",
    ),
    chat_reply(
        "events that reach the limit",
        "streams up to the token limit",
        event_stream(chunk(content=ANSWER), chunk("length")),
        "answered, not cached",
    ),
    chat_reply(
        "events that end early",
        "ends the stream early",
        event_stream(chunk(content="Faith is"), end=""),
        "retried",
    ),
    chat_reply(
        "error event",
        "sends an error in the stream",
        event_stream(chunk(content="Faith is"), {"error": {"code": 503, "message": "Busy"}}),
        "retried",
    ),
    chat_reply(
        "error event in another form",
        "sends an error in the stream",
        event_stream(chunk(content="Faith is"), {"message": "Busy", "code": 503}),
        "retried",
    ),
    chat_reply(
        "malformed event",
        "sends a malformed event",
        "data: {oops\n\n",
        "error: malformed JSON instead of usable JSON",
    ),
)
