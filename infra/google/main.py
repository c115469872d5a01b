"""The app for Cloud Run functions and the Functions Framework.

Run: functions-framework --asgi --source infra/google/main.py --target tercet
"""

from typing import TYPE_CHECKING, cast

from functions_framework.aio import http
from starlette.responses import Response

from infra.container.app import app

if TYPE_CHECKING:
    from starlette.requests import Request

_app = app()


@http
async def tercet(_: "Request") -> Response:
    """Return the app as the response; Starlette then calls it with the request."""
    return cast("Response", _app)
