"""ASGI middleware of every app: request log, request span, unhandled exceptions."""

import logging
import math
import time
import uuid
from http import HTTPMethod
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect, Request

from functions.http.emf_metrics import request_log, with_emf
from shared.observability.json_logging import PROPAGATED, correlation_fields, log_context
from shared.observability.timings import (
    collect_timings,
    flush_spans,
    start_span,
    total_milliseconds,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from shared.observability.timings import Attributes, Span

_log = logging.getLogger(__name__)
_LOG_FIELDS = "tercet.log_fields"
_REQUEST_ID = "tercet.request_id"
_PROPAGATED = {name.encode(): name for name in PROPAGATED}
_METHODS = frozenset({*HTTPMethod, "QUERY"})
_MAX_METHOD_LENGTH = 32
# Of the log fields, because LOG_QUESTIONS adds private text.
_RECENT = ("request_id", "Outcome", "tier", "status", "duration_ms")
_SERVER_ERROR = 500


def add_log_fields(scope: "Scope", log_fields: "Mapping[str, object]") -> None:
    """Add fields to the request's log line; a question's text only if settings allow it."""
    scope.setdefault(_LOG_FIELDS, {}).update(log_fields)


def request_id(scope: "Scope") -> str:
    """Return the request's id: Lambda's own, or a random UUID."""
    if _REQUEST_ID not in scope:
        aws_id = getattr(scope.get("aws.context"), "aws_request_id", None)
        scope[_REQUEST_ID] = aws_id or str(uuid.uuid4())
    return str(scope[_REQUEST_ID])


def invocation_seconds(scope: "Scope") -> float:
    """Return the seconds until Lambda ends the process; infinite outside Lambda."""
    remaining_ms = getattr(scope.get("aws.context"), "get_remaining_time_in_millis", None)
    return math.inf if remaining_ms is None else float(remaining_ms()) / 1000


class RequestLogMiddleware:
    """Logs and traces each request, and answers unhandled exceptions.

    Starlette's `ServerErrorMiddleware` raises the exception again after it has responded. Servers
    then log it with its message, which may quote private text. This middleware does not.
    """

    def __init__(self, app: "ASGIApp", *, error_response: "Callable[[Request], Response]") -> None:
        """`error_response` builds the response to an unhandled exception."""
        self._app = app
        self._error_response = error_response

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Pass a request to the app."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        carrier = _propagated(scope)
        ids = {"request_id": request_id(scope), **correlation_fields(carrier)}
        header = ids.get("correlation_id", ids["request_id"])
        try:
            with log_context(**ids), start_span("server", _describe, scope, carrier) as span:
                await self._serve(scope, receive, send, span, header.encode("ascii"))
        finally:
            flush_spans()

    async def _serve(
        self,
        scope: "Scope",
        receive: "Receive",
        send: "Send",
        span: "Span",
        correlation_id: bytes,
    ) -> None:
        started = time.perf_counter()
        log_fields: dict[str, object] = scope.setdefault(_LOG_FIELDS, {})
        status = 0
        correlation_header = (b"x-correlation-id", correlation_id)

        async def send_and_note_status(message: "Message") -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), correlation_header]
            await send(message)

        with collect_timings() as steps:
            try:
                await self._app(scope, receive, send_and_note_status)
            except ClientDisconnect:
                log_fields["error"] = "ClientDisconnect"
            except Exception as error:
                fields = {"request_id": request_id(scope)}
                _log.exception("unhandled exception", extra={"log_fields": fields})
                log_fields["error"] = type(error).__name__
                if status:
                    raise  # the response has started; the server must close the connection
                await self._error_response(Request(scope))(scope, receive, send_and_note_status)
            finally:
                duration_ms = round((time.perf_counter() - started) * 1000, 2)
                line = {
                    "request_id": request_id(scope),
                    **_related_ids(scope, span),
                    "path": scope["path"],
                    "status": status,
                    "duration_ms": duration_ms,
                    **log_fields,
                }
                if "Outcome" in log_fields:
                    line["Latency"] = duration_ms
                    if app := scope.get("app"):
                        recent = {name: line.get(name) for name in _RECENT}
                        app.state.recent_requests.appendleft((time.time(), recent))
                if steps:
                    line["steps"] = total_milliseconds(steps)
                request_log.info("request", extra={"log_fields": with_emf(line)})
                if span.trace_id:
                    _finish_span(span, scope, status, log_fields)


def _propagated(scope: "Scope") -> dict[str, str]:
    """Return the headers that identify the sender's trace; of equal names the first."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        if name in _PROPAGATED:
            found.setdefault(_PROPAGATED[name], value.decode("latin-1"))
    return found


def _related_ids(scope: "Scope", span: "Span") -> dict[str, object]:
    """Return the request's ids in traces and in API Gateway's access log."""
    ids: dict[str, object] = {"trace_id": span.trace_id} if span.trace_id else {}
    match scope.get("aws.event"):  # a caller that may invoke the function may send any event
        case {"requestContext": {"requestId": gateway_id}}:
            ids["gateway_request_id"] = gateway_id
    return ids


def _known_method(scope: "Scope") -> str:
    """Return the method for the span's name, `HTTP` if it is unknown (semantic conventions)."""
    return scope["method"] if scope["method"] in _METHODS else "HTTP"


def _describe(scope: "Scope") -> "tuple[str, Attributes]":
    """Return the span's name and attributes by the semantic conventions for HTTP servers."""
    method = scope["method"]
    attributes = {"http.request.method": method, "url.scheme": scope["scheme"]}
    if method not in _METHODS:
        original = method[:_MAX_METHOD_LENGTH]
        attributes |= {"http.request.method": "_OTHER", "http.request.method_original": original}
    server = zip(("server.address", "server.port"), scope.get("server") or (), strict=False)
    return _known_method(scope), attributes | {name: value for name, value in server if value}


def _finish_span(span: "Span", scope: "Scope", status: int, log_fields: dict[str, object]) -> None:
    """Add the attributes that are known after the request."""
    attributes: dict[str, str | int] = {"http.response.status_code": status}
    if route := getattr(scope.get("route"), "path", None):
        # The route replaces the path, which may hold ids.
        attributes |= {"http.route": route, "url.path": route}
        span.update_name(f"{_known_method(scope)} {route}")
    for name in ("tier", "match", "cache"):
        if name in log_fields:
            attributes[f"tercet.{name}"] = str(log_fields[name] or "none")
    if status >= _SERVER_ERROR or not status:
        attributes["error.type"] = str(log_fields.get("error", status))
    span.set_attributes(attributes)
