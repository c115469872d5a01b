"""`POST /assistant/query` and `POST /assistant/feedback`, on any ASGI server.

TERCET_LOCAL=true uvicorn --factory functions.ask.app:app
"""

from fastapi import APIRouter, FastAPI
from fastapi import Request as HTTPRequest
from starlette.responses import Response

from functions.ask.cache_headers import cache_status_header, is_no_cache, parse_cache_control
from functions.ask.metrics import question_metrics
from functions.ask.schemas import AnswerBody, AskBody, FeedbackBody
from functions.ask.serializers import serialize_reply
from functions.bootstrap import open_container
from functions.http import health_route
from functions.http.app_factory import AppRoutes, build_app
from functions.http.auth.caller import authenticate
from functions.http.middleware import add_log_fields
from functions.http.openapi import content_schema, json_responses, problem_responses
from functions.http.request_body import read_json_body
from shared.container import Container
from shared.errors import UnavailableError
from shared.question import Request

# An answer quotes private notes: proxies and browsers must not store it.
_PRIVATE = "private, no-store"

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
    router = APIRouter()
    settings = container.settings

    @router.post(
        "/assistant/query",
        responses=json_responses("AnswerBody"),
        openapi_extra={"requestBody": {"required": True} | content_schema("AskBody")},
    )
    async def ask(http: HTTPRequest) -> Response:
        """Answer a question from the caller's own notes."""
        caller = await authenticate(http, settings)
        body = await read_json_body(http, AskBody, max_bytes=_MAX_BYTES)
        directives = parse_cache_control(http.headers.getlist("cache-control"))
        request = Request(
            caller.user_id,
            body.query,
            no_cache=is_no_cache(directives),
            no_store="no-store" in directives,
            exact=body.match == "exact",
            seconds=_time_budget(http, settings.inference_timeout),
            history=body.turns,
        )
        try:
            reply = await container.assistant.ask(request)
        except UnavailableError as error:
            breakers, cost = container.circuit_breakers.state, getattr(error, "cost", 0.0)
            add_log_fields(
                http.scope, **question_metrics(None, breakers=breakers, failure_cost=cost)
            )
            raise
        add_log_fields(
            http.scope,
            **question_metrics(reply, breakers=container.circuit_breakers.state),
            tier=reply.tier,
            match=reply.match,
            cache=reply.cache,
        )
        if reply.answer and reply.answer.incomplete:
            add_log_fields(http.scope, incomplete=True)
        if reply.match_rejection:
            add_log_fields(http.scope, match_rejection=reply.match_rejection.partition(":")[0])
        if reply.question.follow_up:
            add_log_fields(http.scope, history=reply.question.follow_up.use)
        if settings.log_questions:  # as it was asked: a rewritten one holds text of its history
            add_log_fields(http.scope, question=request.query.strip())
        headers = {"Cache-Control": _PRIVATE, "Cache-Status": cache_status_header(request, reply)}
        content = serialize_reply(request, reply, explain=body.explain)
        return Response(content, headers=headers, media_type="application/json")

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

    return AppRoutes(router, (AskBody, FeedbackBody, AnswerBody))


def _time_budget(http: HTTPRequest, limit: float) -> float | None:
    """Return the seconds that an answer may take, so that Lambda does not end the process first.

    None outside Lambda, which has no time limit of its own.
    """
    remaining_ms = getattr(http.scope.get("aws.context"), "get_remaining_time_in_millis", None)
    if remaining_ms is None:
        return None
    return float(min(limit, max(0.001, remaining_ms() / 1000 - _MARGIN_SECONDS)))
