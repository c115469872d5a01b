"""The outermost ring of every app: one log line a request, and an answer to the unexpected."""

import logging
import time
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect, Request

from functions.http.emf_metrics import request_log, with_emf
from shared.observability.json_logging import correlation_fields, log_context
from shared.observability.timings import (
    collect_timings,
    flush_spans,
    request_span,
    total_milliseconds,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from shared.observability.timings import Span

_log = logging.getLogger(__name__)
_FACTS = "tercet.log_fields"
_ID = "tercet.request_id"
_CARRIED = frozenset({b"traceparent", b"tracestate", b"x-correlation-id"})
_METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY"}
)
_LONGEST_METHOD = 32
_SERVER_ERROR = 500


def add_log_fields(scope: "Scope", **log_fields: object) -> None:
    """Add fields to the request's log line, never a question's text unless settings allow it."""
    scope.setdefault(_FACTS, {}).update(log_fields)


def request_id(scope: "Scope") -> str:
    """Name a request: as Lambda does, or by a random UUID."""
    if _ID not in scope:
        scope[_ID] = getattr(scope.get("aws.context"), "aws_request_id", None) or str(uuid.uuid4())
    return str(scope[_ID])


class RequestLogMiddleware:
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
        attributes = _asked(scope)
        carried = {
            name.decode(): value.decode("latin-1")
            for name, value in scope["headers"]
            if name in _CARRIED
        }
        try:
            with (
                log_context(request_id=request_id(scope), **correlation_fields(carried)),
                request_span(_verb(scope), "server", attributes, carried) as span,
            ):
                await self._serve(scope, receive, send, span)
        finally:
            flush_spans()

    async def _serve(self, scope: "Scope", receive: "Receive", send: "Send", span: "Span") -> None:
        began = time.perf_counter()
        log_fields: dict[str, object] = scope.setdefault(_FACTS, {})
        status = 0

        async def noting(message: "Message") -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with collect_timings() as steps:
            try:
                await self._app(scope, receive, noting)
            except ClientDisconnect:
                log_fields["error"] = "ClientDisconnect"
            except Exception as error:
                _log.exception(
                    "unexpected", extra={"log_fields": {"request_id": request_id(scope)}}
                )
                log_fields["error"] = type(error).__name__
                if status:
                    raise  # half of a response is out; the server must cut the rest off
                await self._unexpected(Request(scope))(scope, receive, noting)
            finally:
                passed = round((time.perf_counter() - began) * 1000, 2)
                line = {
                    "request_id": request_id(scope),
                    **_named_elsewhere(scope, span),
                    "path": scope["path"],
                    "status": status,
                    "duration_ms": passed,
                    **log_fields,
                }
                if "Outcome" in log_fields:
                    line["Latency"] = passed
                if steps:
                    line["steps"] = total_milliseconds(steps)
                request_log.info("request", extra={"log_fields": with_emf(line)})
                if span.trace_id:
                    _describe(span, scope, status, log_fields)


def _named_elsewhere(scope: "Scope", span: "Span") -> dict[str, object]:
    """What the same request is called in the gateway's log, and in traces."""
    names: dict[str, object] = {"trace_id": span.trace_id} if span.trace_id else {}
    context = scope.get("aws.event", {}).get("requestContext")
    # An event that no gateway made may have anything there.
    if isinstance(context, Mapping) and "requestId" in context:
        names["gateway_request_id"] = context["requestId"]
    return names


def _verb(scope: "Scope") -> str:
    """Begin the name of a request's span; a method that nobody knows becomes no name."""
    return scope["method"] if scope["method"] in _METHODS else "HTTP"


def _asked(scope: "Scope") -> dict[str, str | int]:
    """Tell a request's span what is known of it at once."""
    method = scope["method"]
    told: dict[str, str | int] = {"http.request.method": method, "url.scheme": scope["scheme"]}
    if method not in _METHODS:
        told |= {
            "http.request.method": "_OTHER",
            "http.request.method_original": method[:_LONGEST_METHOD],
        }
    address, port = scope.get("server") or ("", None)
    if address:
        told["server.address"] = address
    if isinstance(port, int):
        told["server.port"] = port
    return told


def _describe(span: "Span", scope: "Scope", status: int, log_fields: dict[str, object]) -> None:
    """Tell a request's span how it went."""
    attributes: dict[str, str | int] = {"http.response.status_code": status}
    if route := getattr(scope.get("route"), "path", None):
        # Instead of the path that was asked for, which may hold somebody's ids.
        attributes |= {"http.route": route, "url.path": route}
        span.update_name(f"{_verb(scope)} {route}")
    for name in ("tier", "match", "cache"):
        if name in log_fields:
            attributes[f"tercet.{name}"] = str(log_fields[name] or "none")
    if status >= _SERVER_ERROR or not status:
        attributes["error.type"] = str(log_fields.get("error", status))
    span.set_attributes(attributes)
