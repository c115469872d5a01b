"""How a request reaches its endpoint: its version, its base path, HEAD, the route."""

from typing import TYPE_CHECKING, Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.routing import BaseRoute, Mount, Router

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

VERSION_PREFIX = "/v1"


def versioned(routes: "Sequence[BaseRoute]") -> list[BaseRoute]:
    """Return the routes with and without the version; both run the same handlers.

    The routes are not in FastAPI's included routers, which match each request twice.
    """
    return [Mount(VERSION_PREFIX, app=Router(routes, redirect_slashes=False)), *routes]


class DirectRoute(APIRoute):
    """A route whose endpoint takes the request and nothing else.

    Endpoints read and validate their own bodies, so the dependencies of FastAPI have nothing to do.
    They would take a tenth of the time of an exact hit.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take the arguments of `APIRoute`."""
        super().__init__(*args, **kwargs)

        async def app(scope: "Scope", receive: "Receive", send: "Send") -> None:
            response = await self.endpoint(Request(scope, receive, send))
            await response(scope, receive, send)

        self.app = app


class BasePathMiddleware:
    """Serves the app below a path as well, as `root_path` of the ASGI specification."""

    def __init__(self, app: "ASGIApp", *, base_path: str) -> None:
        """`base_path` begins with a slash and does not end with one."""
        self._app = app
        self._base_path = base_path

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Pass a request to the app; a gateway may have removed the base path from it."""
        if scope["type"] == "http" and f"{scope['path']}/".startswith(f"{self._base_path}/"):
            scope["root_path"] = self._base_path
        await self._app(scope, receive, send)


class HeadMiddleware:
    """Responds to HEAD as to GET, without the content (RFC 9110, section 9.3.2)."""

    def __init__(self, app: "ASGIApp") -> None:
        self._app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Pass a request to the app."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_without_content(message: "Message") -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        # A copy, because the server needs the method that it received.
        as_get = {**scope, "method": "GET"}
        try:
            await self._app(as_get, receive, send_without_content)
        finally:
            scope["route"] = as_get.get("route")
