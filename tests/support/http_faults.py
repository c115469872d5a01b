"""Faults of an HTTP host, each an ASGI app that answers one request badly."""

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

Fault = ASGIApp


def refuse(status: int, error: Any = None, **headers: str) -> Fault:
    """Answer with a status and an error body: JSON, or a string as it is; `a_b` names `A-B`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if error is None or isinstance(error, str):
        return Response(error, status, named)
    return JSONResponse(error, status, named)


def send_json(value: Any) -> Fault:
    """Answer 200 with this JSON instead of what was asked for."""
    return JSONResponse(value)


def send_text(text: str, media_type: str = "application/json") -> Fault:
    """Answer 200 with this text, whatever it is."""
    return Response(text, media_type=media_type)


def stall(seconds: float) -> Fault:
    """Say nothing at all for so long."""

    async def fault(scope: "Scope", receive: "Receive", send: "Send") -> None:
        await asyncio.sleep(seconds)
        await Response("{}")(scope, receive, send)

    return fault


def drip(every: float = 0.02) -> Fault:
    """Begin a good response and send the rest byte by byte, for ever."""

    async def fault(scope: "Scope", receive: "Receive", send: "Send") -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": b" ", "more_body": True})
            await asyncio.sleep(every)

    return fault


async def truncate(scope: "Scope", receive: "Receive", send: "Send") -> None:
    """Promise a thousand bytes, send eleven and close the connection."""
    headers = [(b"content-length", b"1000")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"choices":', "more_body": True})
    _connection(send).close()


async def drop(scope: "Scope", receive: "Receive", send: "Send") -> None:
    """Reset the connection without a word."""
    _connection(send).abort()
    await asyncio.sleep(0)


def _connection(send: "Send") -> asyncio.Transport:
    """ASGI has no word for cutting a connection, so this reaches through uvicorn's `send`."""
    connection: asyncio.Transport = send.__self__.transport  # type: ignore[attr-defined]
    return connection
