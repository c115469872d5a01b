"""The outermost ring of every app: one log line a request, and an answer to the unexpected."""

import logging
import time
import uuid
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect, Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = logging.getLogger(__name__)
_FACTS = "tercet.facts"
_ID = "tercet.request_id"


def tell(scope: "Scope", **facts: object) -> None:
    """Add facts to the request's log line: never a question's text, unless settings allow it."""
    scope.setdefault(_FACTS, {}).update(facts)


def request_id(scope: "Scope") -> str:
    """Name a request: as Lambda does, or by a random UUID."""
    if _ID not in scope:
        scope[_ID] = getattr(scope.get("aws.context"), "aws_request_id", None) or str(uuid.uuid4())
    return str(scope[_ID])


class Boundary:
    """ASGI middleware.

    Starlette's own place for unexpected errors raises them again after it has answered, and
    every server logs them once more, messages and all; here they end.
    """

    def __init__(self, app: "ASGIApp", *, unexpected: "Callable[[Request], Response]") -> None:
        """`unexpected` writes the response to an error that nobody expected."""
        self._app = app
        self._unexpected = unexpected

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        facts: dict[str, object] = scope.setdefault(_FACTS, {})
        status = 0

        async def noting(message: "Message") -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except ClientDisconnect:
            facts["error"] = "ClientDisconnect"
        except Exception as error:
            _log.exception("unexpected", extra={"facts": {"request": request_id(scope)}})
            facts["error"] = type(error).__name__
            if status:
                raise  # half of a response is out; the server must cut the rest off
            await self._unexpected(Request(scope))(scope, receive, noting)
        finally:
            line = {
                "request": request_id(scope),
                "path": scope["path"],
                "status": status,
                "milliseconds": round((time.perf_counter() - began) * 1000, 2),
                **facts,
            }
            _log.info("request", extra={"facts": line})
