"""Completions in their many forms."""

import json
from typing import Any

from tests.support.host_replies.host_reply import ANSWER, HostReply


def completion(**message: Any) -> dict[str, Any]:
    """Return the JSON of a completion with this message."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    return {"object": "chat.completion", "choices": [choice]}


def _chat(name: str, description: str, body: Any, outcome: str) -> HostReply:
    return HostReply(name, description, "chat", body, outcome)


_TEXT = json.dumps(completion(content=ANSWER))

COMPLETIONS = (
    _chat("completion", "sends a completion", completion(content=ANSWER), "answered"),
    _chat(
        "comments",
        "sends comments first (OpenRouter)",
        f": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\r\n\n{_TEXT}",
        "answered",
    ),
    _chat("blank lines", "sends blank lines around", f"\n \r\n\n{_TEXT}\n\n", "answered"),
    _chat("byte order mark", "sends a byte order mark", f"\ufeff{_TEXT}", "answered"),
    _chat("byte order mark and comment", "sends both", f"\ufeff: wait\n{_TEXT}", "answered"),
    _chat(
        "no choice",
        "sends no choice",
        {"object": "chat.completion", "choices": []},
        "error: without choices[0].message",
    ),
)
