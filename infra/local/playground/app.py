"""`/playground`, beside the functions of `tercet serve`; never a part of a deployment."""

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, RedirectResponse, Response

from functions.ask.serializers import serialize_reply
from functions.http.app_factory import AppRoutes
from functions.http.auth.caller import authenticate
from functions.http.request_body import read_json_body
from functions.http.static_page import StaticPage
from infra.local.change_messages import note_deleted, note_updated
from infra.local.playground import cache_inspector
from shared import question
from shared.errors import InferenceError, NotFoundError
from shared.notes.file_import import ImportedNote
from shared.observability.timings import collect_timings

if TYPE_CHECKING:
    from shared.container import Container
    from shared.notes.messages.note_changed import NoteChanged

MAX_BYTES = 8 * 1024 * 1024
"""Room for a note as long as may be, some of it escaped; a question needs less."""

_NOT_KEPT = {"Cache-Control": "no-store"}


class Asked(BaseModel):
    """A question; `fresh` asks for a new answer."""

    model_config = ConfigDict(extra="forbid", strict=True)

    query: str
    no_cache: bool = False


class Written(BaseModel):
    """A note as it is to be."""

    model_config = ConfigDict(extra="forbid", strict=True)

    title: str = Field(max_length=1_000)
    text: str


def build_routes(container: "Container") -> AppRoutes:
    """Make the playground's part of a local server's app."""
    router = APIRouter(include_in_schema=False)
    page = StaticPage(Path(__file__).with_name("web"))

    @router.get("/")
    async def begin() -> Response:
        return RedirectResponse("/playground")

    @router.get("/playground")
    async def show() -> Response:
        return page.response()

    @router.get("/playground/notes")
    async def notes(http: Request) -> Response:
        user_id = await _user(http, container)
        return _json(
            [
                {"note_id": note.note_id, "title": note.title, "text": note.text}
                for note in await container.store.list_notes(user_id)
            ]
        )

    @router.get("/playground/cached")
    async def cached(http: Request) -> Response:
        user_id = await _user(http, container)
        return _json(cache_inspector.listed(await cache_inspector.cached(container, user_id)))

    @router.post("/playground/ask")
    async def ask(http: Request) -> Response:
        """Answer, and tell the way that the answer took."""
        user_id = await _user(http, container)
        body = await read_json_body(http, Asked)
        request = question.Request(user_id, body.query, no_cache=body.no_cache)
        began = time.perf_counter()
        with collect_timings() as steps:
            reply = await container.assistant.ask(request)
        took = time.perf_counter() - began
        try:
            # Afterwards, or the question's embedding would be known by the time it is needed.
            near = await cache_inspector.near(container, user_id, body.query)
        except InferenceError:
            near = None  # a cached answer needs no model
        return _json(
            {
                "reply": json.loads(serialize_reply(request, reply, explain=True)),
                "milliseconds": took * 1e3,
                "steps": [
                    {
                        "name": step.name,
                        "began": (step.started - began) * 1e3,
                        "milliseconds": step.seconds * 1e3,
                    }
                    for step in steps
                ],
                "near": near,
            }
        )

    @router.put("/playground/notes/{note_id:path}")
    async def write(http: Request, note_id: str) -> Response:
        user_id = await _user(http, container)
        body = await read_json_body(http, Written, max_bytes=MAX_BYTES)
        new = http.headers.get("if-none-match") == "*"
        if new and await container.store.get_note(user_id, note_id) is not None:
            raise HTTPException(412, f"there is a note {note_id!r} already")
        note = ImportedNote(note_id, body.title, body.text)
        return _json(await _apply(container, note_updated(user_id, note)))

    @router.delete("/playground/notes/{note_id:path}")
    async def delete(http: Request, note_id: str) -> Response:
        user_id = await _user(http, container)
        if await container.store.get_note(user_id, note_id) is None:
            raise NotFoundError(f"there is no note {note_id!r}")
        return _json(await _apply(container, note_deleted(user_id, note_id)))

    return AppRoutes(router, list)


async def _apply(container: "Container", change: "NoteChanged") -> dict[str, Any]:
    """Make a change true; say which cached questions it dropped and which it kept."""
    before = await cache_inspector.cached(container, change.user_id)
    began = time.perf_counter()
    outcome = await container.freshness.note_changed(change)
    took = time.perf_counter() - began
    after = await cache_inspector.cached(container, change.user_id)
    stayed = {field: entry for field, entry in before.items() if field in after}
    gone = {field: entry for field, entry in before.items() if field not in after}
    return asdict(outcome) | {
        "milliseconds": took * 1e3,
        "dropped": cache_inspector.listed(gone),
        "kept": cache_inspector.listed(stayed),
    }


async def _user(http: Request, container: "Container") -> str:
    return (await authenticate(http, container.settings)).user_id


def _json(value: Any) -> Response:
    return JSONResponse(value, headers=_NOT_KEPT)
