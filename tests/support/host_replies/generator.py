"""Random replies of a chat host, each with the answer that it holds by construction."""

import json
import random
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

REASONING_MARK = "zq-reasoning"
"""A word in each reasoning text; no answer contains it."""

_OPENINGS = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<THINK>", "</THINK>"),
    ("<reasoning>", "</reasoning>"),
    ("<thought>", "</thought>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
)
_CHANNEL = "<|start|>assistant<|channel|>final<|message|>"
_ANALYSIS = "<|channel|>analysis<|message|>"
_ENDINGS = ("<|im_end|>", "</s>", "<|eot_id|>", "<|endoftext|>\n", "<end_of_turn>", "\n<|return|>")
_BEGINNINGS = ("<|im_start|>assistant\n", "<s>", "\n\n", "<start_of_turn>model\n")
_ANSWERS = (
    "Faith is trust [1].",
    "**Faith** is the substance of things hoped for [1].\n\n- It trusts.\n- It hopes.",
    "The tag <think> is used by models, and </think> ends it [1].",
    "Use `<think>` and `</think>` [1].",
    "This is the format:\n```\n<think>reasoning</think>\n```\nFaith is trust [1].",
    'Close it with "</think>" and end the turn with `<|im_end|>` [1].',
    "Models write <think>their reasoning</think> before the answer [1].",
    "In ChatML <|im_end|> ends a turn, as [1] says.",
    "\u4fe1\u5fc3\u662f\u4fe1\u9760 [1]\u3002",
    "5 < 6 and 7 > 3 [1]; a/b, x</y. \U0001f64f",
)
_REASONINGS = (
    "The user asks about faith.",
    'They wrote "faith".\n\nSo I answer: Faith is trust [1]. Wait, is it?',
    "Let me look at `x` and at [1] & [2].\n1. First.\n2. Second",
    "Okay, 1 < 2 and so on",
    "\u597d\u7684\uff0c\u7528\u6237\u95ee\u4fe1\u5fc3\u3002",
)
_COMPLETE = ("stop", "stop", "stop", "eos_token", "end_turn", "STOP", None, "")
_INCOMPLETE = ("length", "length", "max_tokens", "MAX_TOKENS", "model_length", "something_new")
_UNUSABLE = ("content_filter", "SAFETY", "RECITATION", "error", "network_error", "tool_calls")
_FAILURES = (400, 401, 403, 404, 413, 422, 424, 429, 500, 502, 503, 504, 524, 529)
_MISSING = object()


@dataclass(frozen=True)
class GeneratedReply:
    """A reply, and the answer in it: None if it holds no usable answer."""

    status: int
    media_type: str
    body: bytes
    answer: str | None
    incomplete: bool

    def to_response(self) -> Response:
        """Return the reply as an ASGI app."""
        return Response(self.body, self.status, media_type=self.media_type)


@dataclass
class Message:
    """The contents of a message, before they are put into a form."""

    text: str
    answer: str | None
    fields: dict[str, Any]
    parts: list[dict[str, Any]]


def generate_reply(chance: random.Random) -> GeneratedReply:
    """Draw one reply: contents, finish reason, form and transport."""
    finish, kind = _finish_reason(chance)
    message = generate_message(chance, is_cut=kind == "incomplete")
    if kind == "unusable":
        message.answer = None
    if chance.random() < 0.05:
        message.fields["refusal"], message.answer = "I cannot help with that.", None
    usage: dict[str, Any] = chance.choice(
        [{}, {"usage": None}, {"usage": {"prompt_tokens": 9, "completion_tokens": 4}}]
    )
    if chance.random() < 0.25:
        reply = _event_stream(chance, message, finish, usage)
    else:
        reply = _json(chance, message, finish, usage)
    body, media_type, is_whole = reply
    answer = message.answer if is_whole else None
    status = 200
    if chance.random() < 0.12:
        status, body, answer = _failure(chance, body)
    return GeneratedReply(status, media_type, body, answer, kind == "incomplete")


def _finish_reason(chance: random.Random) -> tuple[Any, str]:
    kind = chance.choices(["complete", "incomplete", "unusable"], [6, 3, 2])[0]
    names = {"complete": _COMPLETE, "incomplete": _INCOMPLETE, "unusable": _UNUSABLE}[kind]
    finish = chance.choice(names)
    return (_MISSING if finish is None and chance.random() < 0.5 else finish), kind


def generate_message(chance: random.Random, *, is_cut: bool) -> Message:
    """Draw the contents of a message; `is_cut`: its answer ends early."""
    answer = f"{chance.choice(_ANSWERS)} No. {chance.randrange(10**9)}."
    if is_cut:
        # Not after a special token: it would count as the end of the turn.
        answer = answer[: chance.randrange(1, len(answer))].strip().rstrip("> ")
    reasoning = f"{REASONING_MARK} {chance.choice(_REASONINGS)}"
    message = Message(*_text(chance, answer, reasoning, is_cut=is_cut), {}, [])
    if chance.random() < 0.3:
        field = chance.choice(["reasoning_content", "reasoning", "reasoning_details"])
        message.fields[field] = [{"text": reasoning}] if field.endswith("details") else reasoning
    if chance.random() < 0.3:
        message.parts = [{"type": "thinking", "thinking": [{"type": "text", "text": reasoning}]}]
    if message.answer is not None and not is_cut and chance.random() < 0.2:
        message.text += chance.choice(_ENDINGS)
    if message.answer is not None and chance.random() < 0.1:
        message.text = chance.choice(_BEGINNINGS) + message.text
    return message


def _text(
    chance: random.Random, answer: str, reasoning: str, *, is_cut: bool
) -> tuple[str, str | None]:
    """Return a text with or without reasoning, and the answer that it holds."""
    opening, closing = chance.choice(_OPENINGS)
    space, gap = chance.choice(["", "\n", "\n\n"]), chance.choice(["", "\n", "\n\n", " "])
    block = f"{opening}{space}{reasoning}{space}{closing}"
    with_answer = (
        answer,
        answer,
        f"{block}{gap}{answer}",
        f"{block}{gap}{block}{gap}{answer}",
        f"{opening}{closing}{gap}{answer}",
        f"{reasoning}\n{closing}{gap}{answer}",
        f"{reasoning}.{closing}{gap}{answer}",
        answer if is_cut else f"{answer}\n\n{block}",
        f"{_ANALYSIS}{reasoning}<|end|>{_CHANNEL}{answer}",
        f"analysis{reasoning}assistantfinal{answer}",
    )
    without = (
        f"{opening}{space}{reasoning}",
        f"{opening}{space}{reasoning} {answer}",
        block,
        f"{_ANALYSIS}{reasoning}",
        "",
        " \n",
    )
    if chance.random() < 0.8:
        return chance.choice(with_answer), answer
    return chance.choice(without), None


def _json(
    chance: random.Random, message: Message, finish: Any, usage: dict[str, Any]
) -> tuple[bytes, str, bool]:
    content: Any = message.text
    if chance.random() < 0.25:
        split = chance.randrange(len(content) + 1)
        texts = [{"type": "text", "text": text} for text in (content[:split], content[split:])]
        content = [*message.parts, *texts]
    elif not content and chance.random() < 0.5:
        content = None
    choice = {"index": 0, "message": {"role": "assistant", "content": content, **message.fields}}
    if finish is not _MISSING:
        choice["finish_reason"] = finish
    other = {"index": 1, "message": {"content": f"{REASONING_MARK} other"}, "finish_reason": "stop"}
    choices = [choice, other] if chance.random() < 0.1 else [choice]
    text = json.dumps({"choices": choices, **usage}, ensure_ascii=chance.random() < 0.5)
    is_whole = chance.random() < 0.94
    if not is_whole:
        text = text[: chance.randrange(len(text))]
    start = chance.choice(["", "", "", "\n \n", ": OPENROUTER PROCESSING\n\n", "\ufeff"])
    return (start + text).encode(), chance.choice(["application/json", "text/plain"]), is_whole


def _event_stream(
    chance: random.Random, message: Message, finish: Any, usage: dict[str, Any]
) -> tuple[bytes, str, bool]:
    """Return a stream of deltas; cut at the end of an event or within one, it is not whole."""
    deltas: list[dict[str, Any]] = [{"role": "assistant"}]
    deltas += [{name: value} for name, value in message.fields.items()]
    text = message.text
    while text:
        size = chance.randrange(1, 12)
        deltas.append({"content": text[:size]})
        text = text[size:]
    chunks: list[dict[str, Any]] = [{"choices": [{"index": 0, "delta": each}]} for each in deltas]
    if finish is not _MISSING:
        chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    end = chance.choice(["\n\n", "\r\n\r\n"])
    events = [f"data: {json.dumps(chunk)}{end}" for chunk in chunks]
    last = [f"data: {json.dumps({'choices': [], **usage})}{end}", f"data: [DONE]{end}"]
    is_whole = chance.random() < 0.9
    if is_whole:
        events += last
    else:
        events = events[: chance.randrange(1, len(deltas) + 1)]
        if chance.random() < 0.5:
            events[-1] = events[-1][: -len(end) - chance.randrange(1, 9)]
    start = chance.choice(["", ": ping\n\n", "\n"])
    return (start + "".join(events)).encode(), "text/event-stream", is_whole


def _failure(chance: random.Random, body: bytes) -> tuple[int, bytes, None]:
    """Return an error: the status, the same body or an error's, and no answer."""
    error = {"error": {"message": f"Boom {chance.randrange(9)}", "code": chance.choice(_FAILURES)}}
    status = chance.choice([200, *_FAILURES])
    if chance.random() < 0.5:
        # The completion itself, with a failure status or beside an error.
        try:
            return status, json.dumps({**json.loads(body), **error}).encode(), None
        except ValueError:
            return max(status, 400), body, None
    bodies = [json.dumps(error).encode(), json.dumps({"choices": [], **error}).encode()]
    bodies += [b"<html>Boom</html>", b"", b"[]", b"7", b'{"choices": [{"message": 7}]}']
    return status, chance.choice(bodies), None
