"""`GET /health`, the same in every app."""

from dataclasses import asdict

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from functions.http.app_factory import AppRoutes
from functions.http.openapi import json_responses
from shared import health
from shared.container import Container


def build_routes(container: Container, *, store: bool = True) -> AppRoutes:
    """Make the part of an app that tells how its container fares, `store` if it uses one."""
    router = APIRouter()

    @router.get("/health", responses=json_responses("HealthBody"))
    async def tell_health() -> Response:
        """Say how the cache, the notes and the model fare: 200 whenever anyone can say it."""
        fares = await health.check(container, store=store)
        return JSONResponse(asdict(fares), headers={"Cache-Control": "no-store"})

    def forms() -> list[type]:
        from functions.http.schemas import HealthBody  # noqa: PLC0415  # see functions.http.openapi

        return [HealthBody]

    return AppRoutes(router, forms)
