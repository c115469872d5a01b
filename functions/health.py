"""`GET /health`, the same in every app."""

from dataclasses import asdict

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from functions.application import Part
from functions.document import responses
from shared import health
from shared.container import Container


def part(container: Container) -> Part:
    """Make the part of an app that tells how its container fares."""
    router = APIRouter()

    @router.get("/health", responses=responses("HealthBody"))
    async def tell_health() -> Response:
        """Say whether questions are answered, and whether their answers are cached."""
        headers = {"Cache-Control": "no-store"}
        return JSONResponse(asdict(await health.check(container)), headers=headers)

    def forms() -> list[type]:
        from functions.forms import HealthBody  # noqa: PLC0415  # see functions.document

        return [HealthBody]

    return Part(router, forms)
