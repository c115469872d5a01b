"""`POST /assistant/query` and `POST /assistant/feedback`, on any ASGI server.

TERCET_LOCAL=true uvicorn --factory functions.ask.app:app
"""

import math
from functools import partial

from fastapi import APIRouter, FastAPI
from fastapi import Request as HTTPRequest
from starlette.responses import Response

from functions.ask.cache_headers import (
    PRIVATE,
    cache_status_header,
    is_no_cache,
    parse_cache_control,
)
from functions.ask.event_stream import stream_answer
from functions.ask.request_log import ask_and_log
from functions.ask.schemas import (
    AnswerBody,
    AskBody,
    DeltaEvent,
    ErrorEvent,
    FeedbackBody,
    MetadataEvent,
)
from functions.ask.serializers import serialize_reply
from functions.bootstrap import open_container
from functions.http import health_route
from functions.http.app_factory import AppRoutes, build_app
from functions.http.auth.caller import authenticate
from functions.http.middleware import invocation_seconds
from functions.http.openapi import content_schema, json_responses, problem_responses
from functions.http.request_body import read_json_body
from functions.http.routing import DirectRoute
from functions.http.server_sent_events import accepts_events
from shared.container import Container
from shared.question import Request
from shared.reply import Reply

_EVENTS = ("MetadataEvent", "DeltaEvent", "AnswerBody", "ErrorEvent")
"""The data of the events `metadata`, `delta`, `done` and `error`."""

_MAX_BYTES = 1 << 20
"""Of a question with its conversation: older turns than are used may be sent."""

_MARGIN_SECONDS = 1.0
"""Time of an invocation that is reserved for the response."""


def create_app(container: Container) -> FastAPI:
    """Build the app of this function."""
    return build_app(container, build_routes(container), health_route.build_routes(container))


def app() -> FastAPI:
    """Build the app from the process's environment."""
    return create_app(open_container())


def build_routes(container: Container) -> AppRoutes:
    """Build this function's routes."""
    router = APIRouter(route_class=DirectRoute)
    settings = container.settings

    @router.post(
        "/assistant/query",
        responses=json_responses("AnswerBody", events=_EVENTS),
        openapi_extra={"requestBody": {"required": True} | content_schema("AskBody")},
    )
    async def ask(http: HTTPRequest) -> Response:
        """Answer a question from the caller's own notes.

        With `Accept: text/event-stream` the answer arrives in events while it is generated.
        """
        caller = await authenticate(http, settings)
        body = await read_json_body(http, AskBody, max_bytes=_MAX_BYTES)
        directives = parse_cache_control(http.headers.getlist("cache-control"))
        request = Request(
            caller.user_id,
            body.query,
            no_cache=is_no_cache(directives),
            no_store="no-store" in directives,
            exact=body.match == "exact",
            tags=body.tags or (),
            seconds=_time_budget(http, settings.inference_timeout),
            history=body.turns,
        )

        answer = partial(ask_and_log, http.scope, container, request)

        async def serialize(reply: Reply) -> bytes:
            return serialize_reply(request, reply, explain=bool(body.explain))

        if accepts_events(http):
            return stream_answer(http, request, answer, serialize=serialize)
        reply = await answer()
        headers = {"Cache-Control": PRIVATE, "Cache-Status": cache_status_header(request, reply)}
        return Response(await serialize(reply), headers=headers, media_type="application/json")

    @router.post(
        "/assistant/feedback",
        status_code=204,
        response_description="The answer is removed",
        responses=problem_responses(),
        openapi_extra={"requestBody": {"required": True} | content_schema("FeedbackBody")},
    )
    async def give_feedback(http: HTTPRequest) -> Response:
        """Remove a wrong answer, or a wrong match of another question's answer."""
        caller = await authenticate(http, settings)
        body = await read_json_body(http, FeedbackBody)
        await container.feedback.reject_answer(caller.user_id, body.answer_id)
        return Response(status_code=204)

    schemas = (AskBody, FeedbackBody, AnswerBody, MetadataEvent, DeltaEvent, ErrorEvent)
    return AppRoutes(router, schemas, "functions.ask.documentation")


def _time_budget(http: HTTPRequest, limit: float) -> float | None:
    """Return the seconds that an answer may take, so that Lambda does not end the process first.

    None outside Lambda, which has no time limit of its own.
    """
    seconds = invocation_seconds(http.scope)
    return None if math.isinf(seconds) else min(limit, max(0.001, seconds - _MARGIN_SECONDS))
