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


WAITS = (
    _busy(2, Retry_After="2"),
    _busy(30, Retry_After="Thu, 26 Nov 2026 12:00:30 GMT", Date=_DATE),
    _busy(None, Retry_After="soon"),
    _busy(None, Retry_After="-5"),
    _busy(55, RateLimit='"api";r=0;t=55'),
    _busy(None, RateLimit='"api";r=10;t=55'),
    _busy(12.5, {"error": "Loading", "estimated_time": 12.5}),
)
