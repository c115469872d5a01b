"""All functions in one ASGI app.

Run: uvicorn --factory infra.container.app:app
"""

from typing import TYPE_CHECKING

from functions.ask import app as ask
from functions.bootstrap import open_container
from functions.http import health_route
from functions.http.app_factory import build_app
from functions.invalidate import app as invalidate
from functions.stats import app as stats

if TYPE_CHECKING:
    from fastapi import FastAPI


def app() -> "FastAPI":
    """Build the app from the environment variables of the process."""
    container = open_container()
    parts = (
        ask.build_routes,
        invalidate.build_routes,
        stats.build_routes,
        health_route.build_routes,
    )
    return build_app(container, *(part(container) for part in parts))
