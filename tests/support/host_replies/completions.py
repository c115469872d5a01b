"""Completions in their many forms."""

from typing import Any

from tests.support.host_replies.host_reply import ANSWER, HostReply


def completion(**message: Any) -> dict[str, Any]:
    """Return the JSON of a completion with this message."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    return {"object": "chat.completion", "choices": [choice]}


def _chat(name: str, description: str, body: Any, outcome: str) -> HostReply:
    return HostReply(name, description, "chat", body, outcome)


COMPLETIONS = (
    _chat("completion", "sends a completion", completion(content=ANSWER), "answered"),
    _chat(
        "no choice",
        "sends no choice",
        {"object": "chat.completion", "choices": []},
        "error: without choices[0].message",
    ),
)
