"""Faults of an HTTP host: each is an ASGI app that fails one request."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from tests.support.waiting import until

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

Fault = ASGIApp


def refuse(status: int, error: Any = None, **headers: str) -> Fault:
    """Answer with a status and an error body (JSON or text); header `A-B` is written `A_B`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if error is None or isinstance(error, str):
        return Response(error, status, named)
    return JSONResponse(error, status, named)


def send_json(value: Any) -> Fault:
    """Answer 200 with this JSON."""
    return JSONResponse(value)


def send_text(text: str, media_type: str = "application/json") -> Fault:
    """Answer 200 with this text."""
    return Response(text, media_type=media_type)


def stall(seconds: float) -> Fault:
    """Send nothing for so many seconds."""

    async def fault(scope: "Scope", receive: "Receive", send: "Send") -> None:
        await asyncio.sleep(seconds)
        await Response("{}")(scope, receive, send)

    return fault


def drip(every: float = 0.02) -> Fault:
    """Send a valid response byte by byte without end."""

    async def fault(scope: "Scope", receive: "Receive", send: "Send") -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": b" ", "more_body": True})
            await asyncio.sleep(every)

    return fault


def stream(
    *parts: str | bytes,
    pause: float = 0.0,
    then_drop: bool = False,
    after_first: Callable[[], object] = lambda: True,
) -> Fault:
    """Answer 200 with an event stream in these parts; `then_drop` aborts the connection.

    All but the first part are sent once `after_first` holds.
    """

    async def fault(scope: "Scope", receive: "Receive", send: "Send") -> None:
        headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for part in parts:
            body = part.encode() if isinstance(part, str) else part
            await send({"type": "http.response.body", "body": body, "more_body": True})
            await asyncio.sleep(pause)
            await until(after_first)
        if then_drop:
            _connection(send).abort()
            return
        await send({"type": "http.response.body", "body": b""})

    return fault


async def truncate(scope: "Scope", receive: "Receive", send: "Send") -> None:
    """Announce a thousand bytes, send eleven and close the connection."""
    headers = [(b"content-length", b"1000")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"choices":', "more_body": True})
    _connection(send).close()


async def drop(scope: "Scope", receive: "Receive", send: "Send") -> None:
    """Reset the connection without a response."""
    _connection(send).abort()
    await asyncio.sleep(0)


def _connection(send: "Send") -> asyncio.Transport:
    """Return uvicorn's connection: ASGI cannot abort one."""
    connection: asyncio.Transport = send.__self__.transport  # type: ignore[attr-defined]
    return connection
