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

    from shared.container import Container


def app() -> "FastAPI":
    """Build the app from the environment variables of the process.

    Raises:
        SystemExit: a setting is invalid; servers print its message without a traceback.
    """
    try:
        return build_all_functions(open_container())
    except ConfigurationError as error:
        sys.exit(f"cannot start: {error}")


def build_all_functions(container: "Container") -> "FastAPI":
    """Build one app of all functions.

    Raises:
        ConfigurationError: the settings of bearer tokens are incomplete.
    """
    modules = (ask, invalidate, notes, stats, health_route)
    return build_app(container, *(module.build_routes(container) for module in modules))
