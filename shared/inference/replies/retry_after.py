"""Reads how long a model host asks its client to wait.

Hosts use `Retry-After` (RFC 9110) and `retry-after-ms`, the remaining quota in `RateLimit` or in
`x-ratelimit-reset-*`, fields of the body, or only the error's message.
"""

import math
import re
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from shared.inference.replies.reply_body import body_text

if TYPE_CHECKING:
    import httpx

_MAX_SECONDS = 86_400
_FIRST_EPOCH = 1_000_000_000  # a larger number of seconds is a time since 1970 (here: 2001)
_MAX_DEPTH = 6

_PART = (
    r"(\d+(?:\.\d+)?)\s?"
    r"(ms|milliseconds?|[nuµ]s|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?)(?![a-z])"
)
_PARTS = re.compile(_PART, re.IGNORECASE)
_DURATION = re.compile(rf"(?:{_PART}(?:,?\s?(?:and\s)?)?)+", re.IGNORECASE)
_PHRASE = re.compile(
    r"\b(?:retry|try again|wait|available|resets?)\b[^.\d]{0,30}(?=\d)", re.IGNORECASE
)
_UNITS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_RESET = re.compile(r"(?:[a-z]+-)?ratelimit-(?:.+-)?reset(?:-.+)?")
_SECONDS_FIELDS = frozenset(
    {"retryafter", "retryafterseconds", "retrydelay", "estimatedtime", "waitseconds"}
)

_MAX_DURATION_CHARACTERS = 100


def read_retry_after(response: "httpx.Response", reply: Any, status: int) -> float | None:
    """Return the longest wait of at most a day that the host asks for, in seconds.

    Args:
        response: the response.
        reply: its decoded body.
        status: of the error, which may be in the body of a response 200.
    """
    # The host's clock where it is known: this container's may be wrong.
    now = _timestamp(response.headers.get("Date", "")) or time.time()
    waits = [
        *_exhausted_limits(response.headers.get("RateLimit", "")),
        _seconds(response.headers.get("Retry-After"), now),
        _seconds(response.headers.get("retry-after-ms"), now) / 1_000,
        *_fields(reply, now),
        *_phrases(body_text(response)),
    ]
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        waits += _resets(response.headers, now)
        match reply:
            case {"error": {"metadata": {"headers": dict(headers)}}}:  # of the provider behind
                waits += _resets(headers, now)
    return max((wait for wait in waits if 0 <= wait <= _MAX_SECONDS), default=None)


def _seconds(value: Any, now: float) -> float:
    """Convert seconds, a duration such as `1m30s`, or a time; NaN if it is neither."""
    if isinstance(value, str):
        text = value.strip()[:_MAX_DURATION_CHARACTERS]
        try:
            value = float(text)
        except ValueError:
            if _DURATION.fullmatch(text):
                return _duration(text)
            until = _timestamp(text)
            return math.nan if until is None else max(0.0, until - now)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    # Compared before any conversion, which fails for very large integers.
    if _FIRST_EPOCH <= value <= _FIRST_EPOCH * 10_000:
        seconds = value / 1_000 if value >= _FIRST_EPOCH * 100 else value
        return max(0.0, seconds - now)
    return float(value) if abs(value) < _FIRST_EPOCH else math.nan


def _duration(text: str) -> float:
    return sum(
        float(number) * (0.001 if unit.startswith(("ms", "mill")) else _UNITS.get(unit[0], 0.0))
        for number, unit in _PARTS.findall(text.lower())
    )


def _timestamp(date: str) -> float | None:
    """Read a date of RFC 9110 or ISO 8601."""
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            return parse(date).timestamp()
        except (ValueError, OverflowError):
            continue
    return None


def _fields(reply: Any, now: float, depth: int = _MAX_DEPTH) -> Iterator[float]:
    """Yield `retry_after`, `estimated_time`, Google's `retryDelay` and the like."""
    if isinstance(reply, list) and depth:
        for item in reply:
            yield from _fields(item, now, depth - 1)
    elif isinstance(reply, dict) and depth:
        for key, value in reply.items():
            name = re.sub(r"[\W_]", "", key).lower()
            if name == "retryafterms":
                yield _seconds(value, now) / 1_000
            elif name in _SECONDS_FIELDS:
                yield _seconds(value, now)
            else:
                yield from _fields(value, now, depth - 1)


def _phrases(message: str) -> Iterator[float]:
    """Yield the duration in `Please try again in 7.66s` and the like."""
    for phrase in _PHRASE.finditer(message):
        if duration := _DURATION.match(message, phrase.end()):
            yield _duration(duration[0])


def _exhausted_limits(header: str) -> Iterator[float]:
    """Yield `t` of each limit in `"api";r=0;t=55` of which nothing remains."""
    for limit in header.split(","):
        values = dict(part.strip().split("=", 1) for part in limit.split(";") if "=" in part)
        if values.get("r") == "0" and values.get("t", "").isdecimal():
            yield float(values["t"])


def _resets(headers: Mapping[str, Any], now: float) -> Iterator[float]:
    """Yield `x-ratelimit-reset-tokens` and the like, unless a part of that limit remains."""
    values = {name.lower(): value for name, value in headers.items()}
    for name, value in values.items():
        remaining = values.get(name.replace("reset", "remaining"), 0)
        if _RESET.fullmatch(name) and str(remaining).strip() in {"0", "0.0"}:
            yield _seconds(value, now)
