"""`POST /assistant/query` and `GET /health`, for any ASGI server.

TERCET_LOCAL=true uvicorn --factory functions.ask.app:app
"""

from collections.abc import Iterable
from dataclasses import asdict

from fastapi import APIRouter, FastAPI
from fastapi import Request as HTTPRequest
from pydantic import BaseModel, ConfigDict
from starlette.responses import JSONResponse, Response

from functions.application import Part, build_app
from functions.ask.caching import cache_status, directives, wants_new_answer
from functions.ask.presenting import present
from functions.bodies import read_body
from functions.boundary import tell
from functions.document import named, responses
from functions.identity import caller
from shared import health
from shared.assistant import Request
from shared.container import Container
from shared.telemetry import configure

# An answer is made of private notes: no proxy or browser may keep it.
_PRIVATE = "private, no-store"


class AskBody(BaseModel):
    """A question, of at most 4,000 characters."""

    model_config = ConfigDict(extra="forbid", strict=True)

    query: str


def create_app(container: Container) -> FastAPI:
    """Make the app of this function alone."""
    return build_app(container, part(container))


def app() -> FastAPI:
    """Make the app from the process's environment."""
    container = Container.from_env()
    configure(container.settings)
    return create_app(container)


def part(container: Container) -> Part:
    """Make this function's part of an app."""
    router = APIRouter()
    settings = container.settings

    @router.post(
        "/assistant/query",
        responses=responses("AnswerBody"),
        openapi_extra={"requestBody": {"required": True} | named("AskBody")},
    )
    async def ask(http: HTTPRequest) -> Response:
        """Answer a question from the caller's own notes."""
        who = await caller(http, settings)
        body = await read_body(http, AskBody)
        asked = directives(http.headers.getlist("cache-control"))
        request = Request(
            who.user_id,
            body.query,
            fresh=wants_new_answer(asked),
            traceless="no-store" in asked,
        )
        reply = await container.assistant.ask(request)
        tell(http.scope, tier=reply.tier, match=reply.match, cache=reply.cache)
        if settings.log_questions:
            tell(http.scope, question=reply.question.asked)
        headers = {"Cache-Control": _PRIVATE, "Cache-Status": cache_status(request, reply)}
        return Response(present(request, reply), headers=headers, media_type="application/json")

    @router.get("/health", responses=responses("HealthBody"))
    async def tell_health() -> Response:
        """Say whether questions are answered, and whether their answers are cached."""
        headers = {"Cache-Control": "no-store"}
        return JSONResponse(asdict(await health.check(container)), headers=headers)

    return Part(router, _forms)


def _forms() -> Iterable[type[BaseModel]]:
    from functions.ask.forms import AnswerBody, HealthBody  # noqa: PLC0415  # see functions.document

    return AskBody, AnswerBody, HealthBody
