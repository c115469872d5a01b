"""Construction of every function's app, for ASGI servers and for Lambda."""

import os
from collections import deque
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import Response

from functions.http.auth.caller import token_verifier, warn_not_configured
from functions.http.auth.local_mode import USER_HEADER, check_local_mode, in_lambda
from functions.http.openapi import install_openapi
from functions.http.problems import install_error_handlers
from functions.http.routing import BasePathMiddleware, HeadMiddleware, versioned
from shared.urls import split_origins

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi.telemetry import TelemetryConfig

    from functions.http.static_page import StaticPage
    from shared.container import Container
    from shared.settings import Settings

# FastAPI's own telemetry would record query strings and exception messages.
_NO_TELEMETRY: "TelemetryConfig" = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "auto_configure": False,
}


RECENT_REQUESTS = 20
"""Questions of this process that the statistics list."""


class AppRoutes(NamedTuple):
    """A function's routes, and the schemas that they name.

    `documentation` is the module that describes their operations, loaded with the first request for
    the OpenAPI document; without it the routes are not in the document.
    """

    router: APIRouter
    schemas: tuple[type, ...] = ()
    documentation: str = ""


def build_app(container: "Container", *routes: AppRoutes) -> FastAPI:
    """Build an app from the routes of one or more functions; it closes the container at shutdown.

    Raises:
        ConfigurationError: local mode inside Lambda, or incomplete settings of bearer tokens.
    """
    if container.settings.jwks_url:
        token_verifier(container.settings)
    elif not (container.settings.local_mode or in_lambda(os.environ)):
        warn_not_configured()
    if container.settings.local_mode:
        check_local_mode(os.environ)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> "AsyncIterator[None]":
        yield
        await container.aclose()

    # FastAPI's own documentation pages load scripts from a CDN. No redirects of trailing slashes,
    # because their target would come from the Host header.
    app = FastAPI(
        title="Tercet",
        root_path_in_servers=False,
        routes=versioned([route for each in routes for route in each.router.routes]),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=_NO_TELEMETRY,
        lifespan=lifespan,
    )
    install_openapi(
        app,
        [each.router for each in routes],
        [schema for each in routes for schema in each.schemas],
        [each.documentation for each in routes if each.documentation],
        container.settings,
    )
    app.state.recent_requests = deque(maxlen=RECENT_REQUESTS)
    app.add_route("/docs", _show_documentation, include_in_schema=False)
    app.add_middleware(HeadMiddleware)
    install_error_handlers(app)
    if container.settings.base_path:
        app.add_middleware(BasePathMiddleware, base_path=container.settings.base_path)
    if container.settings.cors_allow_origins:
        _allow_origins(app, container.settings)
    return app


async def _show_documentation(_: Request) -> Response:
    """Return a page that shows the OpenAPI document."""
    return _documentation_page().response()


@cache
def _documentation_page() -> "StaticPage":
    from functions.http.static_page import StaticPage  # noqa: PLC0415  # hashing its parts is slow

    return StaticPage(Path(__file__).with_name("docs"))


def _allow_origins(app: "FastAPI", settings: "Settings") -> None:
    """Let pages of other origins call the API, also read its errors; without cookies."""
    from starlette.middleware.cors import CORSMiddleware  # noqa: PLC0415  # only where it is set

    requests = ("Authorization", "Cache-Control", "Content-Type", "If-Match", "If-None-Match")
    traces = ("Traceparent", "Tracestate", "X-Correlation-Id")
    app.add_middleware(
        CORSMiddleware,
        allow_origins=split_origins(
            "CORS_ALLOW_ORIGINS", settings.cors_allow_origins, local=settings.local_mode
        ),
        allow_methods=("GET", "HEAD", "POST", "PUT", "DELETE"),
        allow_headers=(*requests, *traces, *([USER_HEADER] if settings.local_mode else ())),
        expose_headers=("Cache-Status", "ETag", "Retry-After", "X-Correlation-Id"),
    )
