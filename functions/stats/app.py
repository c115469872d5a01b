"""`GET /assistant/cache-stats`, its dashboard and `GET /metrics`, for any ASGI server.

TERCET_LOCAL=true uvicorn --factory functions.stats.app:app
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI, Request
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from functions.bootstrap import open_container
from functions.http import health_route
from functions.http.app_factory import AppRoutes, build_app
from functions.http.auth.caller import authenticate
from functions.http.openapi import json_responses, problem_responses
from functions.stats import prometheus
from functions.stats.serializers import present
from shared.container import Container
from shared.errors import CacheUnavailableError, ForbiddenError, InvalidRequestError

if TYPE_CHECKING:
    from functions.http.static_page import StaticPage

SCOPE = "stats:read"
"""What is counted is counted over all users, so no user's own token will do."""

MAX_DAYS = 90
_NOT_KEPT = {"Cache-Control": "no-store"}
_DAYS = {
    "name": "days",
    "in": "query",
    "description": "Give each of the last days (UTC), today included.",
    "schema": {"type": "integer", "minimum": 1, "maximum": MAX_DAYS},
}


def create_app(container: Container) -> FastAPI:
    """Make the app of this function alone."""
    return build_app(
        container, build_routes(container), health_route.build_routes(container, store=False)
    )


def app() -> FastAPI:
    """Make the app from the process's environment."""
    return create_app(open_container())


def build_routes(container: Container) -> AppRoutes:
    """Make this function's part of an app."""
    router = APIRouter()

    @router.get(
        "/assistant/cache-stats",
        responses=json_responses("CacheStats"),
        openapi_extra={"parameters": [_DAYS]},
    )
    async def cache_stats(http: Request) -> Response:
        """Tell what the cache did, what it saved and what is in it."""
        await _admit(http, container)
        from shared import statistics  # noqa: PLC0415  # it knows the cache, which imports redis

        days = _days(http)
        with _soon_again():
            figures = await statistics.read_statistics(container.counter_reader, days=days or 1)
        body = present(figures, container.settings, days=days is not None)
        return JSONResponse(body, headers=_NOT_KEPT)

    @router.get(
        "/metrics",
        responses=problem_responses() | {200: {"content": {prometheus.MEDIA_TYPE: {}}}},
        response_description="Prometheus' text format",
    )
    async def tell_metrics(http: Request) -> Response:
        """Tell the same to Prometheus; counters are of all containers together."""
        await _admit(http, container)
        from shared import statistics  # noqa: PLC0415  # as above

        with _soon_again():
            text = prometheus.write(await statistics.read_statistics(container.counter_reader))
        return Response(text, headers=_NOT_KEPT, media_type=prometheus.MEDIA_TYPE)

    @router.get(
        "/assistant/dashboard",
        responses={200: {"content": {"text/html": {}}}},
        response_description="A page for a browser",
    )
    async def dashboard() -> Response:
        """Show the same to people.

        To everybody, for a browser sends no token when it opens a page: there are no figures in
        it. Its script asks for them, with the token that the operator gives it.
        """
        return _dashboard(local=container.settings.local_mode).response()

    return AppRoutes(router, _load_schemas)


@cache
def _dashboard(*, local: bool) -> "StaticPage":
    """Make the page; on one's own machine it asks for no token."""
    from functions.http.static_page import StaticPage  # noqa: PLC0415  # its hashes take their time

    access = {'data-access="token"': 'data-access="local"'} if local else {}
    return StaticPage(Path(__file__).with_name("dashboard"), access)


async def _admit(http: Request, container: Container) -> None:
    who = await authenticate(http, container.settings)
    if SCOPE not in who.scopes:
        raise ForbiddenError(f"the token must have the scope {SCOPE}")


@contextmanager
def _soon_again() -> Iterator[None]:
    """Say of a cache that is away when it is worth asking again: it is left alone so long."""
    from shared.cache.redis.circuit_breaker import OPEN_SECONDS  # noqa: PLC0415  # see `cache_stats`

    try:
        yield
    except CacheUnavailableError as error:
        raise CacheUnavailableError(str(error), retry_after=OPEN_SECONDS) from error


def _days(http: Request) -> int | None:
    given: Any = http.query_params.get("days")
    if given is None:
        return None
    digits = given.lstrip("0")
    # Nine of them are too many days, whatever follows; int() takes no more than 4,300.
    days = int(digits[:9]) if digits.isascii() and digits.isdigit() else 0
    if not 1 <= days <= MAX_DAYS:
        raise InvalidRequestError(f"days must be a whole number from 1 to {MAX_DAYS}")
    return days


def _load_schemas() -> Iterable[type[BaseModel]]:
    from functions.stats.schemas import CacheStats  # noqa: PLC0415  # see functions.http.openapi

    return [CacheStats]
