"""The routes of `/playground` in `tercet serve`; never part of a deployment."""

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import JSONResponse, RedirectResponse, Response

from functions.ask.event_stream import stream_answer
from functions.ask.request_log import ask_and_log
from functions.ask.serializers import serialize_reply
from functions.http.app_factory import AppRoutes
from functions.http.auth.caller import authenticate
from functions.http.middleware import add_log_fields
from functions.http.request_body import read_json_body
from functions.http.server_sent_events import accepts_events
from functions.http.static_page import StaticPage
from infra.local.note_changes import import_notes, note_updated
from infra.local.playground.cache_inspector import (
    field_of,
    read_cached_questions,
    similar_questions,
    to_json,
)
from infra.local.sample_notes import SampleSet, read_sample_notes
from shared.errors import CacheUnavailableError, InferenceError, NotFoundError
from shared.observability.timings import StepTiming, collect_timings
from shared.question import Request as AskRequest

if TYPE_CHECKING:
    from shared.answer_stream import AnswerStream
    from shared.ask_state import SharedResult
    from shared.container import Container
    from shared.reply import Reply


class AskBody(BaseModel):
    """The body of `POST /playground/ask`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    query: str
    no_cache: bool = False


def build_routes(container: "Container") -> AppRoutes:
    """Build the routes of the playground."""
    router = APIRouter(include_in_schema=False)
    page = StaticPage(Path(__file__).with_name("web"))

    async def authenticated_user(http: Request) -> str:
        return (await authenticate(http, container.settings)).user_id

    @router.get("/")
    async def redirect(http: Request) -> Response:
        return RedirectResponse(f"{http.scope.get('root_path', '')}/playground")

    @router.get("/playground")
    async def show_page() -> Response:
        return page.response()

    @router.get("/playground/cached-questions")
    async def list_cached_questions(http: Request) -> Response:
        user_id = await authenticated_user(http)
        if container.redis_client is None:
            return _json({"enabled": False, "questions": []})
        entries = await read_cached_questions(container.redis_client, user_id)
        return _json({"enabled": True, "questions": to_json(entries)})

    @router.post("/playground/ask")
    async def ask(http: Request) -> Response:
        user_id = await authenticated_user(http)
        body = await read_json_body(http, AskBody)
        request = AskRequest(user_id, body.query, no_cache=body.no_cache)
        start = end = time.perf_counter()
        steps: list[StepTiming] = []

        async def answer(stream: "AnswerStream[SharedResult] | None" = None) -> "Reply":
            nonlocal end, steps
            with collect_timings() as steps:
                reply = await ask_and_log(http.scope, container, request, stream)
            end = time.perf_counter()
            # Without the time for the similar questions.
            add_log_fields(http.scope, {"duration_ms": round((end - start) * 1e3, 2)})
            return reply

        async def describe(reply: "Reply") -> dict[str, Any]:
            entries, similar = {}, None
            try:
                if container.redis_client is not None:
                    entries = await read_cached_questions(container.redis_client, user_id)
                # After the question: this embeds it, which would hide the step "embed" above.
                similar = await similar_questions(container, entries, body.query)
            except (CacheUnavailableError, InferenceError):
                pass  # an answer needs neither Redis nor, if it was cached, the embedding model
            timings = [
                {
                    "name": step.name,
                    "start_ms": (step.started - start) * 1e3,
                    "duration_ms": step.seconds * 1e3,
                }
                for step in steps
            ]
            return {
                "reply": json.loads(serialize_reply(request, reply, explain=True)),
                "duration_ms": (end - start) * 1e3,
                "cost": reply.answer.cost if reply.answer else 0.0,
                "field": field_of(entries, reply.question.identity),
                "steps": timings,
                "similar_questions": similar,
            }

        async def serialize(reply: "Reply") -> bytes:
            return json.dumps(await describe(reply)).encode()

        if accepts_events(http):
            return stream_answer(http, request, answer, serialize=serialize)
        return _json(await describe(await answer()))

    @router.post("/playground/sample-notes/{name}")
    async def import_sample_notes(http: Request, name: str) -> Response:
        user_id = await authenticated_user(http)  # before the name is validated
        if name not in list(SampleSet):
            raise NotFoundError(f"sample notes are {' or '.join(SampleSet)}")
        changes = [note_updated(user_id, note) for note in read_sample_notes(SampleSet(name))]
        return _json(asdict(await import_notes(container, user_id, changes)))

    return AppRoutes(router)


def _json(value: Any) -> Response:
    return JSONResponse(value, headers={"Cache-Control": "no-store"})
