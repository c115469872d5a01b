"""`GET /health`, the same in every app."""

from dataclasses import asdict

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from functions.http.app_factory import AppRoutes
from functions.http.openapi import json_responses
from shared import health
from shared.container import Container


def build_routes(container: Container, *, store: bool = True) -> AppRoutes:
    """Build the health route; `store`: whether the function uses the note store."""
    router = APIRouter()

    @router.get("/health", responses=json_responses("Health"))
    async def get_health() -> Response:
        """Report the health of cache, note store and models; always 200."""
        report = await health.check(container, store=store)
        return JSONResponse(asdict(report), headers={"Cache-Control": "no-store"})

    return AppRoutes(router, (health.Health,), "functions.http.health_documentation")
