"""ASGI app of `GET /assistant/cache-stats`, its dashboard and `GET /metrics`.

TERCET_LOCAL=true uvicorn --factory functions.stats.app:app
"""

import re
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import JSONResponse, Response

from functions.bootstrap import open_container
from functions.http import health_route
from functions.http.app_factory import AppRoutes, build_app
from functions.http.auth.caller import authenticate
from functions.http.openapi import json_responses, problem_responses
from functions.stats import prometheus, serializers
from functions.stats.schemas import CacheStats
from shared.container import Container
from shared.errors import ForbiddenError, InvalidRequestError

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams

    from functions.http.static_page import StaticPage

SCOPE = "stats:read"
"""Statistics cover all users, so they need a scope of their own."""

MAX_DAYS = 90
_NO_STORE = {"Cache-Control": "no-store"}
_PARAMETERS = [
    {
        "name": "days",
        "in": "query",
        "description": "Also return each of the last days (UTC), including today.",
        "schema": {"type": "integer", "minimum": 1, "maximum": MAX_DAYS},
    },
    *(
        {
            "name": name,
            "in": "query",
            "description": f"Instead of `days`: the {position} of the days to return.",
            "schema": {"type": "string", "format": "date"},
        }
        for name, position in (("from", "first"), ("to", "last"))
    ),
]


def create_app(container: Container) -> FastAPI:
    """Create the app of this function alone."""
    return build_app(
        container, build_routes(container), health_route.build_routes(container, store=False)
    )


def app() -> FastAPI:
    """Create the app with the settings of the environment."""
    return create_app(open_container())


def build_routes(container: Container) -> AppRoutes:
    """Create this function's routes."""
    router = APIRouter()

    @router.get(
        "/assistant/cache-stats",
        responses=json_responses("CacheStats"),
        openapi_extra={"parameters": _PARAMETERS},
    )
    async def cache_stats(http: Request) -> Response:
        """Return what the cache did, what it saved and what it contains."""
        await _check_scope(http, container)
        days, *period = _parse_period(http.query_params, datetime.now(UTC).date())
        snapshot = await container.counter_reader.read_snapshot(days)
        body = serializers.cache_stats(snapshot, container.settings, *period)
        body["recent_requests"] = serializers.recent_requests(http.app.state.recent_requests)
        return JSONResponse(body, headers=_NO_STORE)

    @router.get(
        "/metrics",
        response_class=Response,
        responses=problem_responses() | {200: {"content": {prometheus.MEDIA_TYPE: {}}}},
        response_description="Prometheus' text format",
    )
    async def metrics(http: Request) -> Response:
        """Return the same for Prometheus, summed over all containers."""
        await _check_scope(http, container)
        snapshot = await container.counter_reader.read_snapshot()
        text = prometheus.exposition(snapshot, container.settings)
        return Response(text, headers=_NO_STORE, media_type=prometheus.MEDIA_TYPE)

    @router.get(
        "/assistant/dashboard",
        response_class=Response,
        responses={200: {"content": {"text/html": {}}}},
        response_description="A page for a browser",
    )
    async def dashboard() -> Response:
        """Return a page that shows the statistics.

        It needs no token, because a browser sends none when it opens a page. The page contains no
        data: its script requests them with the token that the operator enters.
        """
        return _dashboard(local=container.settings.local_mode).response()

    return AppRoutes(router, (CacheStats,), "functions.stats.documentation")


@cache
def _dashboard(*, local: bool) -> "StaticPage":
    """Build the page; in local mode it asks for no token."""
    from functions.http.static_page import StaticPage  # noqa: PLC0415  # hashing its parts is slow

    access = {'data-access="token"': 'data-access="local"'} if local else {}
    return StaticPage(Path(__file__).with_name("dashboard"), access)


async def _check_scope(http: Request, container: Container) -> None:
    caller = await authenticate(http, container.settings)
    if SCOPE not in caller.scopes:
        raise ForbiddenError(f"the token must have the scope {SCOPE}")


def _parse_period(query: "QueryParams", today: date) -> tuple[int, date, date]:
    """Return how many of the last days to read, and the first and the last day of the response."""
    if "from" not in query and "to" not in query:
        days = _parse_days(query.get("days"))
        return days, today - timedelta(days), today
    earliest = today - timedelta(MAX_DAYS - 1)
    first, last = _parse_date(query.get("from")), _parse_date(query.get("to"))
    if not first or not last:
        raise InvalidRequestError(
            "from and to must both be dates with year, month and day, for example 2026-11-30"
        )
    if "days" in query:
        raise InvalidRequestError("give either days, or from and to")
    if not earliest <= first <= last <= today:
        raise InvalidRequestError(
            f"from ({first}) must not be after to ({last}), and both must be from {earliest} to"
            f" {today}"
        )
    return (today - first).days + 1, first, last


def _parse_date(value: str | None) -> date | None:
    """Parse a full-date of RFC 3339; `fromisoformat` alone accepts other forms, too."""
    if value is None or not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def _parse_days(value: str | None) -> int:
    if value is None:
        return 0
    digits = re.fullmatch("0*([1-9][0-9]?)", value)
    if digits is None or int(digits[1]) > MAX_DAYS:
        raise InvalidRequestError(f"days must be a whole number from 1 to {MAX_DAYS}")
    return int(digits[1])
