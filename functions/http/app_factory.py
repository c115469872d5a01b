"""Construction of every function's app, for ASGI servers and for Lambda."""

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from fastapi import APIRouter, FastAPI

from functions.http.auth.caller import token_verifier, warn_not_configured
from functions.http.auth.local_mode import check_local_mode, in_lambda
from functions.http.openapi import install_openapi
from functions.http.problems import install_error_handlers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi.telemetry import TelemetryConfig

    from shared.container import Container

# FastAPI's own telemetry would record query strings and exception messages.
_NO_TELEMETRY: "TelemetryConfig" = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "auto_configure": False,
}


class AppRoutes(NamedTuple):
    """A function's routes, and the schemas that they name."""

    router: APIRouter
    schemas: tuple[type, ...] = ()


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

    # No documentation pages, because they load scripts from a CDN. No redirects of trailing
    # slashes, because their target would come from the Host header.
    app = FastAPI(
        title="Tercet",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=_NO_TELEMETRY,
        lifespan=lifespan,
    )
    for each in routes:
        app.include_router(each.router)
    install_openapi(app, [schema for each in routes for schema in each.schemas])
    install_error_handlers(app)
    return app
