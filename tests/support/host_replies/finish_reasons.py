"""Completions by how they end: complete, incomplete, filtered, failed, empty."""

from typing import Any

from tests.support.host_replies.completions import chat_reply, completion
from tests.support.host_replies.host_reply import ANSWER, HostReply


def _end(finish_reason: Any, description: str, outcome: str) -> HostReply:
    return chat_reply(
        f"finish_reason {finish_reason}",
        description,
        completion(finish_reason=finish_reason, content=ANSWER),
        outcome,
    )


_FILTERED = "error: content filter applied"
_TOOL = "error: called a tool instead of answering"

FINISH_REASONS = (
    *(_end(name, "ends regularly", "answered") for name in ("eos_token", "end_turn", "STOP")),
    _end(None, "sends no finish reason, as many hosts do", "answered"),
    chat_reply(
        "no finish_reason",
        "sends none, as many hosts do",
        {"choices": [{"message": {"content": ANSWER}}]},
        "answered",
    ),
    *(
        _end(name, "reached the token limit", "answered, not cached")
        for name in ("length", "max_tokens", "MAX_TOKENS", "model_length")
    ),
    _end("something_new", "sends an unknown finish reason", "answered, not cached"),
    *(
        _end(name, "filtered the answer", _FILTERED)
        for name in ("content_filter", "SAFETY", "RECITATION", "refusal", "guardrail_intervened")
    ),
    chat_reply(
        "filtered without a message",
        "filtered the answer",
        {"choices": [{"finish_reason": "content_filter"}]},
        _FILTERED,
    ),
    chat_reply(
        "refusal",
        "refuses (OpenAI)",
        completion(content=None, refusal="I cannot help with that."),
        "error: declined to answer",
    ),
    HostReply(
        "400 content filter",
        "filtered the question (Azure)",
        "chat",
        {"error": {"code": "content_filter", "message": "Filtered by the policy"}},
        _FILTERED,
        status=400,
    ),
    HostReply(
        "403 moderation",
        "filtered the question (OpenRouter)",
        "chat",
        {"error": {"code": 403, "message": "Input was flagged"}},
        _FILTERED,
        status=403,
    ),
    _end("tool_calls", "calls a tool", _TOOL),
    _end("function_call", "calls a function", _TOOL),
    _end("error", "failed while it generated", "error: failed while it generated"),
    chat_reply(
        "tool call in the text",
        "calls a tool in the text",
        completion(content='<tool_call>{"name": "search"}</tool_call>'),
        _TOOL,
    ),
    chat_reply(
        "native_finish_reason",
        "reached the provider's limit (OpenRouter)",
        {
            "choices": [
                {
                    "finish_reason": "stop",
                    "native_finish_reason": "MAX_TOKENS",
                    "message": {"content": ANSWER},
                }
            ]
        },
        "answered, not cached",
    ),
    chat_reply(
        "done_reason",
        "reached the token limit (Ollama)",
        {"choices": [{"message": {"content": ANSWER}}], "done_reason": "length"},
        "answered, not cached",
    ),
    chat_reply(
        "error of a choice",
        "failed while it generated (OpenRouter)",
        {"choices": [{"message": {"content": ANSWER}, "error": {"code": 502}}]},
        "error: failed while it generated",
    ),
    chat_reply(
        "invisible",
        "sends no visible text",
        completion(content="\u200b\ufeff"),
        "error: an empty message",
    ),
    chat_reply("marks", "sends marks alone", completion(content="**"), "error: an empty message"),
    chat_reply("null", "sends no text", completion(content=None), "error: an empty message"),
    chat_reply("empty", "sends an empty text", completion(content=" "), "error: an empty message"),
    chat_reply("no content", "sends no content", completion(), "error: an empty message"),
    chat_reply("no parts", "sends no parts", completion(content=[]), "error: an empty message"),
)
