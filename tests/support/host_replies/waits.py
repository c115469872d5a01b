"""How long hosts ask to wait."""

from typing import Any

from tests.support.host_replies.host_reply import HostReply

_DATE = "Thu, 26 Nov 2026 12:00:00 GMT"


def _busy(wait: float | None, body: Any = None, **headers: str) -> HostReply:
    """Return a 429 after which Tercet waits for so many seconds; header `A-B` is `A_B`."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return HostReply(
        str(sent or body),
        "asks for a wait" if wait else "asks for no usable wait",
        "chat",
        body or {"error": "Busy"},
        f"retried after {wait:g} s" if wait else "retried",
        429,
        sent,
    )


def _says(message: str, wait: float | None) -> HostReply:
    return _busy(wait, {"error": {"message": message, "type": "tokens"}})


def _limits(wait: float | None, **headers: str) -> HostReply:
    """Return a 429 with headers whose names begin with `X-RateLimit-`."""
    return _busy(wait, **{f"X_RateLimit_{name}": value for name, value in headers.items()})


WAITS = (
    _busy(2, Retry_After="2"),
    _busy(2, Retry_After="2s"),
    _busy(90, Retry_After="1m30s"),
    _busy(0.5, Retry_After="500ms"),
    _busy(30, Retry_After="Thu, 26 Nov 2026 12:00:30 GMT", Date=_DATE),
    _busy(30, Retry_After="1795694430", Date=_DATE),
    _busy(None, Retry_After="soon"),
    _busy(None, Retry_After="-5"),
    _busy(None, Retry_After="99999999"),
    _busy(1.5, retry_after_ms="1500"),
    _busy(3, retry_after_ms="1500", Retry_After="3"),
    _busy(55, RateLimit='"api";r=0;t=55'),
    _busy(None, RateLimit='"api";r=10;t=55'),
    _limits(360, Reset_Requests="6m0s", Remaining_Requests="0"),
    _limits(7.66, Reset_Tokens="7.66s", Reset_Requests="6m0s", Remaining_Requests="9"),
    _limits(20, Reset="20"),
    _busy(30, X_RateLimit_Reset="1795694430000", X_RateLimit_Remaining="0", Date=_DATE),
    _busy(30, Anthropic_RateLimit_Tokens_Reset="2026-11-26T12:00:30Z", Date=_DATE),
    _says("Rate limit reached: Limit 30000. Please try again in 7.66s.", 7.66),
    _says("Please try again in 1m2s.", 62),
    _says("Please try again in 850ms.", 0.85),
    _says("Please retry after 20 seconds.", 20),
    _says("Please wait 1 minute and 5 seconds.", 65),
    _says("Please try again later.", None),
    _busy(12.5, {"error": "Loading", "estimated_time": 12.5}),
    _busy(34, {"error": {"code": 429, "details": [{"retryDelay": "34s"}]}}),
    _busy(8, {"error": {"message": "Busy", "metadata": {"retry_after_seconds": 8}}}),
)
