"""Reads a chat completion from server-sent events (HTML standard, section 9.2).

Some hosts stream although the request says `"stream": false`.
"""

import codecs
import json
import re
from typing import Any

from shared.inference.replies.chat_reply import written_text

_EVENT_STREAM = re.compile(rb"\s*(?:data|event|id|retry):")
_LINE_END = re.compile(r"\r\n|\n|\r")  # not splitlines(): JSON may contain U+2028
_ERRORS = frozenset({"message", "detail", "errors", "msg"})
_ENDS = ("finish_reason", "native_finish_reason", "stop_reason", "error")
_DONE = "[DONE]"
_TEXTS = ("reasoning_content", "reasoning", "refusal")


def is_event_stream(body: bytes) -> bool:
    """Whether a body begins with a field of an event."""
    return _EVENT_STREAM.match(body) is not None


def assemble_completion(body: str) -> dict[str, Any]:
    """Return the completion that a stream of chunks contains, or the chunk that is an error.

    A stream without a finish reason and without `[DONE]` was cut: the result is an error, too.

    Raises:
        ValueError: an event is not JSON.
    """
    content: list[Any] = []
    message: dict[str, Any] = {"role": "assistant", "content": content}
    choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": None}
    completion: dict[str, Any] = {"choices": [choice]}
    texts: dict[str, list[str]] = {name: [] for name in _TEXTS}
    is_complete = False
    for line in _LINE_END.split(body):
        if line.startswith("error:"):  # llama.cpp
            return {"error": json.loads(line.removeprefix("error:"))}
        data = _data(line)
        if data == _DONE:
            is_complete = True
            break
        chunk = json.loads(data) if data else None
        if not isinstance(chunk, dict):
            continue
        if chunk.get("error") or ("choices" not in chunk and _ERRORS & chunk.keys()):
            return chunk
        completion.update({name: chunk[name] for name in ("model", "usage") if chunk.get(name)})
        for part in _first_choice(chunk):
            choice.update({name: part[name] for name in _ENDS if part.get(name)})
            delta = part.get("delta") or part.get("message")
            if not isinstance(delta, dict):
                continue
            text = delta.get("content")
            content += text if isinstance(text, list) else [text or ""]
            for name in _TEXTS:
                if isinstance(delta.get(name), str):
                    texts[name].append(delta[name])
            if delta.get("tool_calls"):
                message["tool_calls"] = delta["tool_calls"]
    message.update({name: "".join(parts) for name, parts in texts.items() if parts})
    if not is_complete and choice["finish_reason"] is None:
        return {"error": "the event stream ended early"}
    return completion


class EventStreamReader:
    """Reads the text of a completion while its events arrive, divided into bytes in any way.

    It raises no error: `assemble_completion` reports what is wrong with the whole stream.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._parts: list[str] = []  # of the last line, whose end has not arrived
        self._is_over = False

    def feed(self, content: bytes) -> str:
        """Return the text in the events that `content` completes, reasoning fields excluded."""
        first, *others = _LINE_END.split(self._decoder.decode(content))
        self._parts.append(first)
        if not others:
            return ""
        lines = ["".join(self._parts), *others]
        self._parts = [lines.pop()]
        return "".join(map(self._read, lines))

    def _read(self, line: str) -> str:
        data = "" if self._is_over else _data(line)
        try:
            chunk = json.loads(data) if data else None
        except (ValueError, RecursionError):  # as `[DONE]` is
            self._is_over = True
            return ""
        if not isinstance(chunk, dict):
            return ""
        deltas = (part.get("delta") or part.get("message") for part in _first_choice(chunk))
        contents = (each.get("content") for each in deltas if isinstance(each, dict))
        return "".join(map(written_text, contents))


def _data(line: str) -> str:
    """Return the value of a `data` field; empty for any other line."""
    return line.removeprefix("data:").strip() if line.startswith("data:") else ""


def _first_choice(chunk: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the parts of the first choice in a chunk: none or one."""
    choices = chunk.get("choices")
    parts = choices if isinstance(choices, list) else []
    return [part for part in parts if isinstance(part, dict) and not part.get("index")][:1]
