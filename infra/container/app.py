"""All functions in one ASGI app.

Run: uvicorn --factory infra.container.app:app
"""

import sys
from typing import TYPE_CHECKING

from functions.ask import app as ask
from functions.bootstrap import open_container
from functions.http import health_route
from functions.http.app_factory import build_app
from functions.invalidate import app as invalidate
from functions.notes import app as notes
from functions.stats import app as stats
from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from fastapi import FastAPI


def app() -> "FastAPI":
    """Build the app from the environment variables of the process.

    Raises:
        SystemExit: a setting is invalid; servers print its message without a traceback.
    """
    parts = (
        ask.build_routes,
        invalidate.build_routes,
        notes.build_routes,
        stats.build_routes,
        health_route.build_routes,
    )
    try:
        container = open_container()
        return build_app(container, *(part(container) for part in parts))
    except ConfigurationError as error:
        sys.exit(f"cannot start: {error}")
