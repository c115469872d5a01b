"""Cloud Run functions, and Google's framework on one's own machine.

functions-framework --asgi --source infra/google/main.py --target tercet
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
    """Let the app answer: to Starlette a response is what the request is handed on to."""
    return cast("Response", _app)
