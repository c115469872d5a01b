"""The caller's own notes: `/notes`, `/notes/{note_id}` and `DELETE /users/me`, on any ASGI server.

They are served where Tercet is the only owner of the notes (NOTES_API): a program that writes notes
itself, or sends messages of note changes, would not know of changes that are made here.

NOTES_API=true uvicorn --factory functions.notes.app:app
"""

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import JSONResponse, Response

from functions.bootstrap import open_container
from functions.http import health_route
from functions.http.app_factory import AppRoutes, build_app
from functions.http.auth.caller import authenticate
from functions.http.middleware import invocation_seconds, request_id
from functions.http.openapi import content_schema, json_responses
from functions.http.request_body import read_json_body
from functions.invalidate.processing import process_change, serialize_effect
from functions.invalidate.schemas import NoteChangeEffect
from functions.notes.preconditions import replaced_time, require_match
from functions.notes.schemas import NoteBody, NotePage, StoredNote
from functions.notes.serializers import entity_tag, note_to_json, page_to_json
from shared.container import Container
from shared.deadline import deadline_scope
from shared.errors import (
    ConflictError,
    InvalidRequestError,
    NotesNotManagedError,
    NotFoundError,
    PreconditionFailedError,
)
from shared.notes.messages.note_changed import EPOCH, NoteChanged, note_of, parse_change
from shared.notes.sanitize import require_id
from shared.notes.version_order import now

if TYPE_CHECKING:
    from shared.freshness import NoteChangeResult
    from shared.notes.note import Note

MAX_BYTES = 13 * 1024 * 1024
"""Fits the longest title and text, fully escaped."""

_MARGIN_SECONDS = 4.0
"""Time of an invocation after embedding, to remove the former text and for the response."""

_REPLACEMENT = "\ufffd"
_ENCODED_REPLACEMENT = b"%EF%BF%BD"
MAX_PAGE = 100
_PAGE = 50
_NO_STORE = {"Cache-Control": "private, no-store"}
_PARAMETERS = [
    {
        "name": "limit",
        "in": "query",
        "description": "The maximum number of notes in the page.",
        "schema": {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": _PAGE},
    },
    {
        "name": "cursor",
        "in": "query",
        "description": "`next_cursor` of the page before.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    },
]


def create_app(container: Container) -> FastAPI:
    """Build the app of this function."""
    return build_app(container, build_routes(container), health_route.build_routes(container))


def app() -> FastAPI:
    """Build the app from the process's environment."""
    return create_app(open_container())


def build_routes(container: Container) -> AppRoutes:
    """Build this function's routes."""
    settings = container.settings
    is_owner = settings.notes_api or settings.local_mode
    router = APIRouter(include_in_schema=is_owner)

    async def owner_of(http: Request) -> str:
        """Return the id of the caller, if the notes are Tercet's; check the id in the path."""
        caller = await authenticate(http, settings)
        if not is_owner:
            raise NotesNotManagedError(
                "another system owns the notes of this deployment: read and change them there"
            )
        _check_note_id(http)
        return caller.user_id

    async def apply(
        http: Request,
        change: NoteChanged,
        stored: "Note | None" = None,
        replaces: int | None = None,
    ) -> "NoteChangeResult":
        with deadline_scope(invocation_seconds(http.scope) - _MARGIN_SECONDS):
            result = await process_change(
                change, container.freshness, message_id=request_id(http.scope), replaces=replaces
            )
        if not result.stored:
            if replaces is not None and (stored is None or stored.sequence is None):
                raise PreconditionFailedError("the note has just been changed: read it again")
            raise ConflictError(
                "a newer change is stored: read the note again. If it has not changed, another"
                " system numbers the changes of this note: change it there"
            )
        return result

    @router.get(
        "/notes", responses=json_responses("NotePage"), openapi_extra={"parameters": _PARAMETERS}
    )
    async def list_notes(http: Request) -> Response:
        """Return the caller's notes without their texts, in the order of their ids."""
        user_id = await owner_of(http)
        limit, cursor = _parse_limit(http), http.query_params.get("cursor", "")
        if cursor:
            require_id("cursor", cursor)
        notes = await container.store.list_notes(user_id, after=cursor, limit=limit + 1)
        return JSONResponse(page_to_json(notes, limit=limit), headers=_NO_STORE)

    @router.get("/notes/{note_id:path}", responses=json_responses("StoredNote"))
    async def get_note(http: Request, note_id: str) -> Response:
        """Return one of the caller's notes."""
        user_id = await owner_of(http)
        note = await container.store.get_note(user_id, note_id)
        if note is None:
            raise NotFoundError("you have no note of this id")
        return JSONResponse(note_to_json(note), headers=_NO_STORE | {"ETag": entity_tag(note)})

    @router.put(
        "/notes/{note_id:path}",
        responses=json_responses("NoteChangeEffect") | {201: content_schema("NoteChangeEffect")},
        openapi_extra={"requestBody": {"required": True} | content_schema("NoteBody")},
    )
    async def change_note(http: Request, note_id: str) -> Response:
        """Create or replace one of the caller's notes; no later answer uses its former text."""
        user_id = await owner_of(http)
        body = await read_json_body(http, NoteBody, max_bytes=MAX_BYTES)
        stored = await container.store.get_note(user_id, note_id)
        require_match(http, stored)
        operation = "updated" if stored else "created"
        change = _change(stored, operation, user_id, note_id=note_id, **body.model_dump())
        result = await apply(http, change, stored, replaced_time(http, stored))
        headers = _NO_STORE | {"ETag": entity_tag(note_of(change))}
        return JSONResponse(serialize_effect(result), 200 if stored else 201, headers)

    @router.delete("/notes/{note_id:path}", responses=json_responses("NoteChangeEffect"))
    async def delete_note(http: Request, note_id: str) -> Response:
        """Delete one of the caller's notes; no later answer uses it.

        A missing note is deleted as well: a former request may have failed after it deleted the
        note, when answers were still cached.
        """
        user_id = await owner_of(http)
        stored = await container.store.get_note(user_id, note_id)
        require_match(http, stored)
        change = _change(stored, "deleted", user_id, note_id=note_id)
        result = await apply(http, change, stored, replaced_time(http, stored))
        return JSONResponse(serialize_effect(result), headers=_NO_STORE)

    @router.delete("/users/me", responses=json_responses("NoteChangeEffect"))
    async def delete_user(http: Request) -> Response:
        """Delete everything of the caller: notes, cached answers and reports."""
        result = await apply(http, _change(None, "user_deleted", await owner_of(http)))
        return JSONResponse(serialize_effect(result), headers=_NO_STORE)

    return AppRoutes(
        router,
        (NoteBody, NotePage, StoredNote, NoteChangeEffect),
        "functions.notes.documentation",
    )


def _change(stored: "Note | None", operation: str, user_id: str, **fields: Any) -> NoteChanged:
    """Build the message of a change at its arrival, which is later than the stored note's."""
    arrival = max(now(), stored.changed_at + 1 if stored else 0)
    message = {"operation": operation, "user_id": user_id, **fields}
    return parse_change(message | {"occurred_at": EPOCH + timedelta(microseconds=arrival)})


def _check_note_id(http: Request) -> None:
    """Check the id in the path, if any; servers replace bytes that are not UTF-8 by U+FFFD.

    Raises:
        InvalidRequestError: the id is not UTF-8, or no note can have it.
    """
    note_id = http.path_params.get("note_id")
    if note_id is None:
        return
    replaced = _REPLACEMENT in note_id
    if replaced and _ENCODED_REPLACEMENT not in (http.scope.get("raw_path") or b"").upper():
        raise InvalidRequestError("note_id must be percent-encoded UTF-8")
    require_id("note_id", note_id)


def _parse_limit(http: Request) -> int:
    digits = http.query_params.get("limit", str(_PAGE))
    if not re.fullmatch("[1-9][0-9]{0,2}", digits) or int(digits) > MAX_PAGE:
        raise InvalidRequestError(f"limit must be a whole number from 1 to {MAX_PAGE}")
    return int(digits)
