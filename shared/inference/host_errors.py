"""Translates error responses of the model hosts into the errors of `shared.errors`.

Hosts send messages in many forms: `{"error": "…"}`, a list there, `{"error": {"message": "…"}}`,
`{"errors": [{"message": "…"}]}`, `{"detail": …}`, plain text, a proxy's HTML page, or only the
header `X-Error-Message`.
"""

import json
import math
import re
import time
from collections.abc import Iterable, Iterator
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from shared.errors import (
    InferenceError,
    InferenceRefusedError,
    InferenceTimeoutError,
    InferenceUnavailableError,
)

if TYPE_CHECKING:
    import httpx

    from shared.inference.endpoint import Endpoint

_MAX_MESSAGE_CHARACTERS = 160
_MAX_RETRY_AFTER = 86_400  # seconds
_QUOTE_CHARACTERS = 12
_MESSAGE_KEYS = ("message", "error", "errors", "detail", "msg")
_NOISE = re.compile(r"\\u[0-9a-f]{4}|\\.|[\W_]+", re.IGNORECASE)

_WRONG_MODEL = "Set {0}_MODEL and {0}_URL to a model that this host serves for this task"
_TOO_LONG = "lower PROMPT_CONTEXT_TOKENS or CHUNK_WORDS."
_REMEDIES = {
    400: f"{_WRONG_MODEL}, or send less at once: {_TOO_LONG}",
    401: "Set HF_TOKEN, or the secret that HF_TOKEN_SECRET names, to a valid token.",
    402: "Add credits to the account, or set HF_BILL_TO to an organisation that pays.",
    403: "Give HF_TOKEN the permission to call inference providers, and access to {0}_MODEL.",
    404: f"{_WRONG_MODEL}.",
    413: f"Send less at once: {_TOO_LONG}",
}
_REDIRECTED = "Set {0}_URL to the target of the redirect."


def error_from_response(
    endpoint: "Endpoint", response: "httpx.Response", private: Iterable[str]
) -> InferenceError:
    """Create the error for a response with a status other than 200.

    `private` are texts that the error's message must not quote.
    """
    status = response.status_code
    reason = redact(_reason(response), private)
    message = f"{endpoint} answered {status}" + (f": {reason}." if reason else ".")
    seconds = retry_after(response)
    if status in {408, 504}:
        return InferenceTimeoutError(message, retry_after=seconds)
    if status in {429, 502, 503}:
        return InferenceUnavailableError(message, retry_after=seconds)
    if response.is_redirect or response.is_client_error:
        remedy = _REDIRECTED if response.is_redirect else _REMEDIES.get(status, "")
        return InferenceRefusedError(f"{message} {remedy.format(endpoint.prefix)}".rstrip())
    return InferenceError(message, retry_after=seconds)


def redact(message: str, private: Iterable[str]) -> str:
    """Shorten a host's message; replace all of it if it quotes a private text.

    Case, punctuation and backslash escapes are ignored in the comparison.
    """
    short = " ".join(message.split())[:_MAX_MESSAGE_CHARACTERS].rstrip(" .")
    letters = _letters(short)
    for text in map(_letters, private):
        width = min(_QUOTE_CHARACTERS, len(text))
        starts = range(len(letters) - width + 1) if width else ()
        if any(letters[start : start + width] in text for start in starts):
            return "(a message that quotes the request)"
    return short


def error_message(body: Any) -> str:
    """Return the message in a decoded error body, or an empty string."""
    if isinstance(body, str):
        return body
    if isinstance(body, list):
        return "; ".join(filter(None, map(error_message, body)))
    if isinstance(body, dict):
        return next(filter(None, (error_message(body.get(key)) for key in _MESSAGE_KEYS)), "")
    return ""


def retry_after(response: "httpx.Response") -> float | None:
    """Return the longest delay that the host asks for, in seconds.

    Sources: `Retry-After` in seconds or as a date (RFC 9110), `RateLimit: "api";r=0;t=55` if
    nothing remains, and `estimated_time` in the body while a model is loading.
    """
    body = decode_json(response)
    estimate = body.get("estimated_time") if isinstance(body, dict) else None
    delays = [
        *_exhausted_limits(response.headers.get("RateLimit", "")),
        _retry_after_header(response),
        estimate if isinstance(estimate, int | float) else math.nan,
    ]
    # Compared before the conversion, which fails for very large integers; excludes NaN.
    return max((float(delay) for delay in delays if 0 <= delay <= _MAX_RETRY_AFTER), default=None)


def decode_json(response: "httpx.Response") -> Any:
    """Decode a JSON body; None if it is not JSON."""
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        return None


def body_kind(response: "httpx.Response") -> str:
    """Describe the kind of a body without quoting it."""
    text = response.text.strip()
    if text.startswith("<"):
        return "an HTML page"
    if text.startswith(("{", "[")):
        return "malformed JSON" if decode_json(response) is None else "JSON without a message"
    return "plain text" if text else "an empty body"


def _reason(response: "httpx.Response") -> str:
    header = response.headers.get("X-Error-Message", "")
    if message := error_message(decode_json(response)) or header:
        return message
    kind = body_kind(response)
    return response.text if kind == "plain text" else kind


def _exhausted_limits(header: str) -> Iterator[float]:
    for limit in header.split(","):
        values = dict(part.strip().split("=", 1) for part in limit.split(";") if "=" in part)
        if values.get("r") == "0" and values.get("t", "").isdecimal():
            yield float(values["t"])


def _retry_after_header(response: "httpx.Response") -> float:
    value = response.headers.get("Retry-After", "")
    try:
        return float(value)
    except ValueError:
        until = _timestamp(value)
    # The host's clock where it is known: this container's may be wrong.
    now = _timestamp(response.headers.get("Date", ""))
    if until is None:
        return math.nan
    return max(0.0, until - (time.time() if now is None else now))


def _timestamp(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None


def _letters(text: str) -> str:
    return _NOISE.sub("", text).casefold()
