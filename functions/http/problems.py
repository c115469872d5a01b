"""Errors as RFC 9457 problem documents (`application/problem+json`)."""

import json
import logging
from dataclasses import asdict, dataclass
from http import HTTPStatus
from math import ceil
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from functions.http.middleware import RequestLogMiddleware, add_log_fields, request_id
from shared.errors import TercetError, UnauthenticatedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI

PROBLEM_MEDIA_TYPE = "application/problem+json"
_NO_STORE = {"Cache-Control": "no-store"}
_RETRY_SECONDS = 5.0  # for a 503 that names no time
_UNHANDLED = "Unhandled exception; see the log."
_log = logging.getLogger(__name__)
_MAX_PATH_LENGTH = 200  # characters of a path in a problem's detail


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem document (RFC 9457).

    `detail` explains the problem and its solution; `instance` identifies this occurrence.
    """

    type: str
    title: str
    status: int
    detail: str
    instance: str


def install_error_handlers(app: "FastAPI") -> None:
    """Respond to every error of an app with a problem document."""
    app.exception_handler(TercetError)(_handle_tercet_error)
    app.exception_handler(HTTPException)(_handle_http_exception)
    app.add_middleware(RequestLogMiddleware, error_response=_internal_error)


def problem_response(
    request: Request,
    status: int,
    detail: str,
    *,
    title: str | None = None,
    headers: "Mapping[str, str] | None" = None,
) -> Response:
    """Build a problem document.

    Args:
        request: the request; its id becomes the problem's `instance`.
        status: HTTP status.
        detail: what was wrong and what would be right, without private text.
        title: name of the problem type; without it the type is `about:blank`, as RFC 9457 defines
            for problems that the HTTP status explains.
        headers: additional HTTP headers.
    """
    document = _problem(request, status, detail, title)
    # A path or a field name may hold a lone surrogate, which UTF-8 cannot encode.
    text = json.dumps(asdict(document), ensure_ascii=False, separators=(",", ":"))
    body = text.encode("utf-8", "replace")
    return Response(body, status, {**_NO_STORE, **(headers or {})}, media_type=PROBLEM_MEDIA_TYPE)


def describe_error(request: Request, error: Exception) -> tuple[Problem, dict[str, str]]:
    """Log an error. Return its problem document, and the headers of a response with it."""
    add_log_fields(request.scope, {"error": type(error).__name__})
    if not isinstance(error, TercetError):
        log_fields = {"request_id": request_id(request.scope)}
        _log.error("unhandled exception", exc_info=error, extra={"log_fields": log_fields})
        return _problem(request, 500, _UNHANDLED), {}
    headers, detail = {}, str(error)
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        add_log_fields(request.scope, {"detail": detail})
    if error.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        detail = "Tercet is misconfigured; see its log."  # the operator must act, not the caller
    if isinstance(error, UnauthenticatedError):
        headers["WWW-Authenticate"] = "Bearer"
    is_503 = error.status == HTTPStatus.SERVICE_UNAVAILABLE
    if seconds := getattr(error, "retry_after", None) or (is_503 and _RETRY_SECONDS):
        headers["Retry-After"] = str(ceil(seconds))
    return _problem(request, error.status, detail, error.title), headers


async def _handle_tercet_error(request: Request, error: TercetError) -> Response:
    problem, headers = describe_error(request, error)
    return problem_response(
        request, problem.status, problem.detail, title=problem.title, headers=headers
    )


async def _handle_http_exception(request: Request, error: HTTPException) -> Response:
    detail, headers = error.detail, dict(error.headers or {})
    path = request.scope["path"][:_MAX_PATH_LENGTH]
    if error.status_code == HTTPStatus.NOT_FOUND:
        detail = f"no resource at {path}"
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        detail = f"{path} does not allow {request.method}"
        if "GET" in headers.get("Allow", ""):
            headers["Allow"] += ", HEAD"
    return problem_response(request, error.status_code, detail, headers=headers)


def _internal_error(request: Request) -> Response:
    return problem_response(request, 500, _UNHANDLED)


def _problem(request: Request, status: int, detail: str, title: str | None = None) -> Problem:
    name = f"urn:problem-type:tercet:{title.lower().replace(' ', '-')}" if title else "about:blank"
    return Problem(
        type=name,
        title=title or HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        instance=f"urn:uuid:{request_id(request.scope)}",
    )
