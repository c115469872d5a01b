"""Server-sent events over ASGI (HTML standard, section 9.2)."""

import asyncio
import re
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from functions.http.middleware import add_log_fields

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

MEDIA_TYPE = "text/event-stream"
PING_SECONDS = 10.0
"""A comment is sent after so many seconds without an event: proxies close idle connections."""

_PING = b": ping\n\n"
_LINE_END = re.compile(r"\r\n|\n|\r")
_HEADERS = {
    "Content-Type": MEDIA_TYPE,
    "X-Accel-Buffering": "no",  # nginx
    "Vary": "Accept",
}


def accepts_events(request: "Request") -> bool:
    """Return whether the client asks for an event stream, with a quality above 0 (RFC 9110)."""
    for media_ranges in request.headers.getlist("accept"):
        for media_range in media_ranges.split(","):
            media_type, *parameters = media_range.lower().replace(" ", "").split(";")
            if media_type.strip() == MEDIA_TYPE:
                return not any(re.fullmatch(r"q=0(?:\.0*)?", each.strip()) for each in parameters)
    return False


def encode_event(name: str, data: str) -> bytes:
    """Return one event. Each line of `data` becomes a field."""
    lines = "".join(f"data: {line}\n" for line in _LINE_END.split(data))
    return f"event: {name}\n{lines}\n".encode("utf-8", "replace")


class EventStreamResponse(Response):
    """Sends events while they arrive, and comments between them.

    The response starts with the first event or comment. An error before is raised, so that it gets
    a response of its own. If the client disconnects, the generator of the events is closed.
    """

    def __init__(
        self,
        events: "AsyncGenerator[bytes, None]",
        *,
        headers: "Mapping[str, str]",
        encode_error: "Callable[[Exception], bytes]",
    ) -> None:
        """Create it.

        Args:
            events: encoded events.
            headers: further headers. They are read when the response starts.
            encode_error: returns the last event if an error ends the stream.
        """
        super().__init__()
        self._events = events
        self._later_headers = headers
        self._encode_error = encode_error

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Send the response."""
        disconnected = asyncio.ensure_future(_wait_for_disconnect(receive))
        event: asyncio.Future[bytes] | None = None
        has_started = is_last = False
        try:
            while not is_last:
                event = event or asyncio.ensure_future(anext(self._events))
                waiting: set[asyncio.Future[Any]] = {event, disconnected}
                await asyncio.wait(
                    waiting, timeout=PING_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                if disconnected.done():
                    add_log_fields(scope, {"error": "ClientDisconnect"})
                    return
                body = _PING
                if event.done():
                    try:
                        body = event.result()
                    except StopAsyncIteration:
                        body, is_last = b"", True
                    except Exception as error:
                        if not has_started:
                            raise
                        body, is_last = self._encode_error(error), True
                    event = None
                if not has_started:
                    await self._start(send)
                    has_started = True
                message = {"type": "http.response.body", "body": body, "more_body": not is_last}
                await send(message)
        finally:
            disconnected.cancel()
            if event:
                event.cancel()
                await asyncio.wait({event})
            await self._events.aclose()

    async def _start(self, send: "Send") -> None:
        headers: dict[str, Any] = {**_HEADERS, **self._later_headers}
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": raw})


async def _wait_for_disconnect(receive: "Receive") -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
