"""Decodes the body of a model host's reply."""

import codecs
import json
import re
from typing import TYPE_CHECKING, Any

from shared.inference.replies.event_stream import assemble_completion, is_event_stream

if TYPE_CHECKING:
    import httpx

# Hosts send comments before the JSON, as in server-sent events, so that no proxy closes the
# connection while the model works: https://openrouter.ai/docs/api/reference/streaming
_MAX_TEXT_BYTES = 4_000
_COMMENTS = re.compile(rb"(?:\s*+:[^\n]*+\n)++")


def decode_json(response: "httpx.Response") -> Any:
    """Decode a JSON body, or assemble a completion from an event stream; None if it is neither.

    A byte order mark, blank lines and comment lines before it are skipped.
    """
    content = _skip_comments(response.content)
    try:
        if is_event_stream(content):
            return assemble_completion(content.decode("utf-8", "replace"))
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def body_text(response: "httpx.Response") -> str:
    """Return the beginning of a body. Its charset is ignored: it may name any codec of Python."""
    return response.content[:_MAX_TEXT_BYTES].decode("utf-8", "replace")


def body_kind(response: "httpx.Response") -> str:
    """Describe the kind of a body that is not JSON, without quoting it."""
    content = _skip_comments(response.content).strip()
    if content.startswith(b"<"):
        return "an HTML page"
    if content.startswith((b"{", b"[")) or is_event_stream(content):
        return "malformed JSON"
    return "plain text" if content else "an empty body"


def _skip_comments(content: bytes) -> bytes:
    content = content.removeprefix(codecs.BOM_UTF8)
    comments = _COMMENTS.match(content)
    return content[comments.end() :] if comments else content
