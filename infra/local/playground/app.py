"""The routes of `/playground` in `tercet serve`; never part of a deployment."""

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, RedirectResponse, Response

from functions.ask.serializers import serialize_reply
from functions.http.app_factory import AppRoutes
from functions.http.auth.caller import authenticate
from functions.http.request_body import read_json_body
from functions.http.static_page import StaticPage
from infra.local.note_changes import import_notes, note_deleted, note_updated
from infra.local.playground.cache_inspector import (
    read_cached_questions,
    similar_questions,
    to_json,
)
from infra.local.sample_notes import SampleSet, read_sample_notes
from shared.errors import InferenceError, NotFoundError
from shared.notes.files.file_import import ImportedNote
from shared.observability.timings import collect_timings
from shared.question import Request as AskRequest

if TYPE_CHECKING:
    from shared.container import Container
    from shared.notes.messages.note_changed import NoteChanged

MAX_BODY_BYTES = 8 * 1024 * 1024
"""Enough for the longest note with escaped characters."""


class AskBody(BaseModel):
    """The body of `POST /playground/ask`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    query: str
    no_cache: bool = False


class NoteBody(BaseModel):
    """The body of `PUT /playground/notes/{note_id}`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    title: str = Field(max_length=1_000)
    text: str


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

    @router.get("/playground/notes")
    async def list_notes(http: Request) -> Response:
        notes = await container.store.list_notes(await authenticated_user(http))
        return _json(
            [{"note_id": note.note_id, "title": note.title, "text": note.text} for note in notes]
        )

    @router.get("/playground/cached-questions")
    async def list_cached_questions(http: Request) -> Response:
        user_id = await authenticated_user(http)
        return _json(to_json(await read_cached_questions(container, user_id)))

    @router.post("/playground/ask")
    async def ask(http: Request) -> Response:
        user_id = await authenticated_user(http)
        body = await read_json_body(http, AskBody)
        request = AskRequest(user_id, body.query, no_cache=body.no_cache)
        start = time.perf_counter()
        with collect_timings() as steps:
            reply = await container.assistant.ask(request)
        duration = time.perf_counter() - start
        try:
            # After the question: this embeds it, which would hide the step "embed" above.
            similar = await similar_questions(container, user_id, body.query)
        except InferenceError:
            similar = None  # an exact hit does not need the embedding model
        return _json(
            {
                "reply": json.loads(serialize_reply(request, reply, explain=True)),
                "duration_ms": duration * 1e3,
                "steps": [
                    {
                        "name": step.name,
                        "start_ms": (step.started - start) * 1e3,
                        "duration_ms": step.seconds * 1e3,
                    }
                    for step in steps
                ],
                "similar_questions": similar,
            }
        )

    @router.post("/playground/sample-notes/{name}")
    async def import_sample_notes(http: Request, name: str) -> Response:
        user_id = await authenticated_user(http)  # before the name is validated
        if name not in list(SampleSet):
            raise NotFoundError(f"sample notes are {' or '.join(SampleSet)}")
        changes = [note_updated(user_id, note) for note in read_sample_notes(SampleSet(name))]
        return _json(asdict(await import_notes(container, changes)))

    @router.put("/playground/notes/{note_id:path}")
    async def write_note(http: Request, note_id: str) -> Response:
        user_id = await authenticated_user(http)
        body = await read_json_body(http, NoteBody, max_bytes=MAX_BODY_BYTES)
        note = ImportedNote(note_id, body.title, body.text)
        return _json(await _apply(container, note_updated(user_id, note)))

    @router.delete("/playground/notes/{note_id:path}")
    async def delete_note(http: Request, note_id: str) -> Response:
        user_id = await authenticated_user(http)
        if await container.store.get_note(user_id, note_id) is None:
            raise NotFoundError(f"the note {note_id!r} does not exist")
        return _json(await _apply(container, note_deleted(user_id, note_id)))

    return AppRoutes(router)


async def _apply(container: "Container", change: "NoteChanged") -> dict[str, Any]:
    """Apply a change; return its result with the dropped and the retained cached questions."""
    before = await read_cached_questions(container, change.user_id)
    start = time.perf_counter()
    result = await container.freshness.note_changed(change)
    duration = time.perf_counter() - start
    after = await read_cached_questions(container, change.user_id)
    return asdict(result) | {
        "duration_ms": duration * 1e3,
        "dropped": to_json({name: entry for name, entry in before.items() if name not in after}),
        "retained": to_json({name: entry for name, entry in before.items() if name in after}),
    }


def _json(value: Any) -> Response:
    return JSONResponse(value, headers={"Cache-Control": "no-store"})
