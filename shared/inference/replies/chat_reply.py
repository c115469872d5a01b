"""Reads the reply of a chat completion, in the forms that OpenAI-compatible hosts send."""

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from shared.errors import InferenceError
from shared.inference.replies.known_names import known_name
from shared.inference.replies.reasoning import (
    END_OF_REASONING,
    has_tool_call,
    strip_reasoning,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

Finish: TypeAlias = Literal["complete", "incomplete", "filtered", "failed", "tool"]

_COMPLETE = frozenset(
    {"stop", "eos", "eos_token", "end_turn", "end_of_turn", "stop_sequence", "stop_token"}
    | {"complete", "completed", "finish", "finished", "done", "end", "none", "null", ""}
)
_FILTERED = re.compile(
    "filter|safety|recitation|blocklist|blocked|prohibited|spii|refus|guardrail|toxic|sensitive"
    "|moderat|inappropriate"
)
_FAILED = re.compile("error|fail|malformed|insufficient|abort|cancel")
_TOOL = re.compile("tool|function")
_LIMITED = re.compile("length|max_?(?:output_?)?tok|limit")
_OTHER_REASONS = ("native_finish_reason", "finishReason", "stop_reason", "done_reason")
"""Fields beside `finish_reason`: of OpenRouter, Google, Anthropic and Ollama."""

_WORST_FIRST: tuple[Finish, ...] = ("filtered", "failed", "tool", "incomplete", "complete")
_REASONING_FIELDS = ("reasoning_content", "reasoning", "reasoning_details", "thinking")
_SYMBOLS = frozenset({"Sc", "Sm", "So"})
_TEXT_PARTS = frozenset({None, "text", "output_text"})


@dataclass(frozen=True, slots=True)
class ChatReply:
    """One completion.

    `text` is the answer without reasoning and special tokens, `generated` all text that the model
    wrote. `reason` is the finish reason as the host names it, or `unknown`. `has_reasoning`: the
    model wrote reasoning, in the text or beside it.
    """

    text: str
    generated: str
    finish: Finish
    reason: str
    is_refusal: bool
    has_reasoning: bool

    @property
    def is_hidden(self) -> bool:
        """Whether the token limit was reached without a visible text: the model reasons."""
        return self.finish == "incomplete" and not self.generated.strip()

    @property
    def may_be_cut_reasoning(self) -> bool:
        """Whether the limit may have ended reasoning, if no tag opens it: no tag closes it."""
        is_cut = self.finish == "incomplete" and not self.has_reasoning
        return is_cut and not END_OF_REASONING.search(self.generated)


def read_chat_reply(reply: Any, sender: str) -> ChatReply:
    """Read the first choice of a reply. Errors begin with `sender`.

    Raises:
        InferenceError: it is no reply of a chat completion.
    """
    if not isinstance(reply, dict) or not isinstance(reply.get("choices"), list):
        raise InferenceError(f"{sender} sent JSON without choices[0].message.")
    choice = (reply["choices"] or [{"message": None}])[0]  # [] if the host's filter refused
    if not isinstance(choice, dict) or not {"message", "finish_reason"} & {*choice}:
        raise InferenceError(f"{sender} sent JSON without choices[0].message.")
    message = choice.get("message") or {}
    if not isinstance(message, dict):
        raise InferenceError(f"{sender} sent JSON without choices[0].message.")
    content = message.get("content")
    if not isinstance(content, str | list | dict | None):
        raise InferenceError(
            f"{sender} sent a message whose content is {type(content).__name__}, not text."
        )
    parts = [*_parts(content)]
    written = written_text(content)
    text = strip_reasoning(written)
    finishes = _finishes(reply, choice, message)
    beside = [message[name] for name in _REASONING_FIELDS if message.get(name)]
    has_reasoning = _has_words(written) and not text
    if has_tool_call(text) or message.get("tool_calls") or message.get("function_call"):
        finishes["tool"] = "tool_calls"
    finish = next(each for each in _WORST_FIRST if each in finishes)
    return ChatReply(
        text=text if _has_words(text) else "",
        generated=" ".join([written, *(each for each in beside if isinstance(each, str))]),
        finish=finish,
        reason=known_name(finishes[finish]) or "unknown",
        is_refusal=bool(message.get("refusal")) or any(kind == "refusal" for kind, _ in parts),
        has_reasoning=bool(beside)
        or has_reasoning
        or any("think" in str(kind) or "reason" in str(kind) for kind, _ in parts)
        or _counts_reasoning(reply.get("usage")),
    )


def _finishes(*parts: dict[str, Any]) -> dict[Finish, str]:
    """Return the ways in which a reply, its choice and its message say that it ended.

    Each has the reason as the host names it. A field beside `finish_reason` counts only if its
    value is a known failure or limit: it may be a stop sequence.
    """
    choice = parts[1]
    reason = choice.get("finish_reason")
    finishes: dict[Finish, str] = {_classify(reason): str(reason)}
    if choice.get("error"):  # OpenRouter
        finishes["failed"] = "error"
    for part in parts:
        for name in _OTHER_REASONS:
            value = part.get(name)
            finish = _classify(value)
            if isinstance(value, str) and (
                finish != "incomplete" or _LIMITED.search(value.lower())
            ):
                finishes.setdefault(finish, value)
    return finishes


def _has_words(text: str) -> bool:
    """Return whether a text is more than punctuation, Markdown and invisible characters."""
    return any(each.isalnum() or unicodedata.category(each) in _SYMBOLS for each in text)


def _classify(finish_reason: Any) -> Finish:
    """Classify a finish reason. Many hosts send none, so a missing one is complete.

    An unknown one is incomplete, as `length` is: nothing proves that the text is complete.
    """
    name = "unknown"
    if finish_reason is None or isinstance(finish_reason, str):
        name = finish_reason or ""
    name = re.sub(r"[\W_]+", "_", name.lower()).removeprefix("finish_reason_")
    name = name.removeprefix("finishreason_")
    if name in _COMPLETE:
        return "complete"
    if _FILTERED.search(name):
        return "filtered"
    if _FAILED.search(name):
        return "failed"
    return "tool" if _TOOL.search(name) else "incomplete"


def written_text(content: Any) -> str:
    """Return the text in the content of a message, or of a part of a message."""
    written = "".join(text for kind, text in _parts(content) if kind in _TEXT_PARTS)
    # A lone surrogate is valid in JSON, but it cannot be encoded or stored.
    return written.encode("utf-8", "replace").decode("utf-8")


def _parts(content: Any) -> "Iterator[tuple[Any, str]]":
    """Yield the type and text of each part of a message; the type of a plain text is None."""
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, str):
            yield None, part
        elif isinstance(part, dict):
            text = part.get("text")
            yield part.get("type"), text if isinstance(text, str) else ""


def _counts_reasoning(usage: Any) -> bool:
    match usage:
        case {"completion_tokens_details": {"reasoning_tokens": int(tokens)}}:
            return tokens > 0
    return False
