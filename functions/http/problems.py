"""Errors as RFC 9457 problem documents: `application/problem+json`, and never a stack trace."""

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from functions.http.middleware import RequestLogMiddleware, add_log_fields, request_id
from shared.errors import TercetError, UnauthenticatedError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI

PROBLEM_MEDIA_TYPE = "application/problem+json"
_KEPT_BY_NOBODY = {"Cache-Control": "no-store"}
_QUOTED = 200  # characters of a path


def install_error_handlers(app: "FastAPI") -> None:
    """Let everything that goes wrong in an app come out as a problem document."""
    app.add_exception_handler(TercetError, _refused)
    app.add_exception_handler(HTTPException, _refused_by_http)
    app.add_middleware(RequestLogMiddleware, unexpected=_unexpected)


def problem_response(
    request: Request,
    status: int,
    detail: str,
    *,
    title: str | None = None,
    headers: "Mapping[str, str] | None" = None,
) -> Response:
    """Write a problem document. Without a title of its own it is what HTTP says of its status."""
    named = f"urn:problem-type:tercet:{title.lower().replace(' ', '-')}" if title else "about:blank"
    document = {
        "type": named,
        "title": title or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": f"urn:uuid:{request_id(request.scope)}",
    }
    # What it quotes may hold half of a surrogate pair, which becomes a question mark.
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    body = text.encode("utf-8", "replace")
    return Response(
        body, status, {**_KEPT_BY_NOBODY, **(headers or {})}, media_type=PROBLEM_MEDIA_TYPE
    )


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, TercetError)  # noqa: S101  # registered for nothing else
    add_log_fields(request.scope, error=type(error).__name__)
    headers = {}
    detail = str(error)
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        add_log_fields(request.scope, detail=detail)
    if error.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        detail = "Tercet is not set up rightly; its log says more."  # no caller can mend it
    if isinstance(error, UnauthenticatedError):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, UnavailableError) and error.retry_after is not None:
        headers["Retry-After"] = str(max(1, -int(-error.retry_after // 1)))
    return problem_response(request, error.status, detail, title=error.title, headers=headers)


async def _refused_by_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for nothing else
    detail = error.detail
    path = request.scope["path"][:_QUOTED]
    if error.status_code == HTTPStatus.NOT_FOUND:
        detail = f"nothing is at {path}"
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        detail = f"{path} does not take {request.method}"
    return problem_response(request, error.status_code, detail, headers=error.headers)


def _unexpected(request: Request) -> Response:
    return problem_response(request, 500, "Something unexpected went wrong; the log says more.")
