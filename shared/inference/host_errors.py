"""What a model's host says when it fails, translated into the errors of `shared.errors`.

Hosts have many forms for it: `{"error": "…"}`, a list there, `{"error": {"message": "…"}}`,
`{"errors": [{"message": "…"}]}`, `{"detail": …}`, plain text, an HTML page of some proxy, or
nothing but the header `X-Error-Message`.
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

_EXCERPT_CHARACTERS = 160
_LONGEST_WAIT = 86_400
_QUOTE_CHARACTERS = 12
_SAID_UNDER = ("message", "error", "errors", "detail", "msg")
_NOISE = re.compile(r"\\u[0-9a-f]{4}|\\.|[\W_]+", re.IGNORECASE)

_REMEDIES = {
    400: "Set {0}_MODEL and {0}_URL to a model that this host serves for this task,"
    " or send less at once: lower PROMPT_CONTEXT_TOKENS or CHUNK_WORDS.",
    401: "Set HF_TOKEN, or the secret that HF_TOKEN_SECRET names, to a valid token.",
    402: "Add credits to the account, or set HF_BILL_TO to an organisation that pays.",
    403: "Give HF_TOKEN the permission to call inference providers, and access to {0}_MODEL.",
    404: "Set {0}_MODEL and {0}_URL to a model that this host serves for this task.",
    413: "Send less at once: lower PROMPT_CONTEXT_TOKENS or CHUNK_WORDS.",
}
_REDIRECTED = "Set {0}_URL to where it redirects to."


def failure(
    endpoint: "Endpoint", response: "httpx.Response", private: Iterable[str]
) -> InferenceError:
    """Make the error that a response of a status other than 200 amounts to.

    `private` are texts that must not come back in the error's message.
    """
    status = response.status_code
    reason = excerpt(_said(response), private)
    told = f"{endpoint} answered {status}" + (f": {reason}" if reason else "")
    wait = asked_wait(response)
    if status in {408, 504}:
        return InferenceTimeoutError(f"{told}.", retry_after=wait)
    if status in {429, 502, 503}:
        return InferenceUnavailableError(f"{told}.", retry_after=wait)
    if response.is_redirect or response.is_client_error:
        remedy = _REDIRECTED if response.is_redirect else _REMEDIES.get(status, "")
        return InferenceRefusedError(f"{told}. {remedy.format(endpoint.variable)}".rstrip())
    return InferenceError(f"{told}.", retry_after=wait)


def excerpt(said: str, private: Iterable[str]) -> str:
    """Shorten what a host said; nothing of it is told where it quotes a private text.

    The comparison ignores case, punctuation and backslash escapes, so quoting hides nothing.
    """
    short = " ".join(said.split())[:_EXCERPT_CHARACTERS].rstrip(" .")
    letters = _letters(short)
    for text in map(_letters, private):
        width = min(_QUOTE_CHARACTERS, len(text))
        if width and any(
            letters[start : start + width] in text for start in range(len(letters) - width + 1)
        ):
            return "(a message that quotes what was sent)"
    return short


def said_in(body: Any) -> str:
    """Find the message in a decoded error body, whatever its form; empty if there is none."""
    if isinstance(body, str):
        return body
    if isinstance(body, list):
        return "; ".join(filter(None, map(said_in, body)))
    if isinstance(body, dict):
        return next(filter(None, (said_in(body.get(key)) for key in _SAID_UNDER)), "")
    return ""


def asked_wait(response: "httpx.Response") -> float | None:
    """Read how many seconds the host asks us to wait; the longest, if it says so twice.

    Sources: `Retry-After` in seconds or as a date, `RateLimit: "api";r=0;t=55` where nothing
    remains, and the body's `estimated_time` until a model is loaded.
    """
    waits = [*_exhausted(response.headers.get("RateLimit", "")), _retry_after(response)]
    body = decoded(response)
    estimate = body.get("estimated_time") if isinstance(body, dict) else None
    if isinstance(estimate, int | float):
        waits.append(estimate)
    # Compared before it is converted: NaN, infinities and endless digits are no waits.
    return max((float(wait) for wait in waits if 0 <= wait <= _LONGEST_WAIT), default=None)


def decoded(response: "httpx.Response") -> Any:
    """Decode a JSON body; None where it is none (`null` is nothing that a host answers)."""
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        return None


def form(response: "httpx.Response") -> str:
    """Say what kind of thing came as a body, without quoting it."""
    text = response.text.strip()
    if text.startswith("<"):
        return "an HTML page"
    if text.startswith(("{", "[")):
        return "JSON without a message" if decoded(response) is not None else "malformed JSON"
    return "plain text" if text else "an empty body"


def _exhausted(limits: str) -> Iterator[float]:
    for limit in limits.split(","):
        told = dict(part.strip().split("=", 1) for part in limit.split(";") if "=" in part)
        if told.get("r") == "0" and told.get("t", "").isdecimal():
            yield float(told["t"])


def _retry_after(response: "httpx.Response") -> float:
    value = response.headers.get("Retry-After", "")
    try:
        return float(value)
    except ValueError:
        at = _timestamp(value)
        if at is None:
            return math.nan
        # By the host's own clock, where it tells it: ours may be wrong.
        now = _timestamp(response.headers.get("Date", ""))
        return max(0.0, at - (time.time() if now is None else now))


def _timestamp(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None


def _said(response: "httpx.Response") -> str:
    said = said_in(decoded(response)) or response.headers.get("X-Error-Message", "")
    if said:
        return said
    kind = form(response)
    return response.text if kind == "plain text" else kind


def _letters(text: str) -> str:
    return _NOISE.sub("", text).casefold()
