"""Decodes the body of a model host's reply."""

import codecs
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

# Hosts send comments before the JSON, as in server-sent events, so that no proxy closes the
# connection while the model works: https://openrouter.ai/docs/api/reference/streaming
_COMMENTS = re.compile(rb"(?:\s*+:[^\n]*+\n)++")


def decode_json(response: "httpx.Response") -> Any:
    """Decode a JSON body; None if it is not JSON.

    A byte order mark, blank lines and comment lines before it are skipped.
    """
    content = response.content.removeprefix(codecs.BOM_UTF8)
    if comments := _COMMENTS.match(content):
        content = content[comments.end() :]
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def body_kind(response: "httpx.Response", reply: Any) -> str:
    """Describe the kind of a body without quoting it; `reply` is the decoded body."""
    text = response.text.lstrip("\ufeff").strip()
    if text.startswith("<"):
        return "an HTML page"
    if text.startswith(("{", "[")):
        return "malformed JSON" if reply is None else "JSON without a message"
    return "plain text" if text else "an empty body"
