"""What every function's app has in common, on a server and behind the gateway."""

import os
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import APIRouter, FastAPI

from functions.http.auth.caller import check_auth_settings
from functions.http.auth.local_mode import check_local_mode
from functions.http.openapi import install_openapi
from functions.http.problems import install_error_handlers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi.telemetry import TelemetryConfig

    from functions.http.gateway import GatewayHandler
    from functions.http.openapi import SchemaLoader
    from shared.container import Container

# FastAPI would trace each request once more, query string and all, and give what logs are sent to
# OpenTelemetry the messages of errors. What is told of a request is told by `boundary.py`.
_NO_TELEMETRY: "TelemetryConfig" = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "auto_configure": False,
}


@dataclass(frozen=True, slots=True)
class AppRoutes:
    """A function's routes, and what loads the forms that they name."""

    router: APIRouter
    load_schemas: "SchemaLoader"


def build_app(container: "Container", *parts: AppRoutes) -> FastAPI:
    """Put parts into one app, which closes its container's connections when it ends.

    Raises:
        ConfigurationError: local mode inside Lambda, or bearer tokens set up by half.
    """
    check_auth_settings(container.settings)
    if container.settings.local_mode:
        check_local_mode(os.environ)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> "AsyncIterator[None]":
        yield
        await container.aclose()

    # The documentation's pages would load scripts from elsewhere; the document itself is served.
    # A path with a slash too many is unknown: a redirect would go where the Host header says.
    app = FastAPI(
        title="Tercet",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=_NO_TELEMETRY,
        lifespan=lifespan,
    )
    for part in parts:
        app.include_router(part.router)
    install_openapi(app, lambda: [form for part in parts for form in part.load_schemas()])
    install_error_handlers(app)
    return app


def gateway_handler(app: FastAPI) -> "GatewayHandler":
    """Make a Lambda handler of an app."""
    from functions.http.gateway import GatewayHandler  # noqa: PLC0415  # other servers need none

    return GatewayHandler(app)
