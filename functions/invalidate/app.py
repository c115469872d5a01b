"""`POST /notes/changes`: push delivery of note changes, on any ASGI server.

uvicorn --factory functions.invalidate.app:app
"""

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import JSONResponse, Response

from functions.bootstrap import open_container
from functions.http.app_factory import AppRoutes, build_app
from functions.http.auth.caller import authenticate
from functions.http.openapi import content_schema, json_responses
from functions.http.request_body import read_body_bytes
from functions.http.routing import DirectRoute
from functions.invalidate import message_metadata
from functions.invalidate.processing import message_context, process_change, serialize_effect
from functions.invalidate.schemas import NoteChangeEffect
from shared.container import Container
from shared.errors import ForbiddenError
from shared.notes.messages.debezium import parse_columns
from shared.notes.messages.note_changed import NoteChanged, parse_changes

SCOPE = "notes:write"
"""Required scope: the sender may change any user's notes, so a user's own token is refused."""

_NO_STORE = {"Cache-Control": "no-store"}

MAX_BYTES = 16 * 1024 * 1024
"""Fits a message with the longest text, fully escaped, in base64."""


def create_app(container: Container) -> FastAPI:
    """Build the app of this function."""
    return build_app(container, build_routes(container))


def app() -> FastAPI:
    """Build the app from the process's environment."""
    return create_app(open_container())


def build_routes(container: Container) -> AppRoutes:
    """Build this function's routes.

    The body is a message in any envelope that `parse_changes` supports, or the data of a CloudEvent
    in binary mode.
    """
    router = APIRouter(route_class=DirectRoute)
    columns = parse_columns(container.settings.debezium_columns)
    allowed = frozenset(map(str.strip, container.settings.push_subjects.split(",")))

    @router.post(
        "/notes/changes",
        responses=json_responses("NoteChangeEffect"),
        openapi_extra={"requestBody": {"required": True} | content_schema("NoteChanged")},
    )
    async def note_changed(http: Request) -> Response:
        """Apply a note change; the response acknowledges it and has its effect."""
        caller = await authenticate(http, container.settings)
        if not (SCOPE in caller.scopes or caller.identities & allowed):
            raise ForbiddenError(
                f"the token needs the scope {SCOPE}, or PUSH_SUBJECTS must list its sub or email"
            )
        body = message_metadata.parse_json(await read_body_bytes(http, MAX_BYTES))
        metadata = message_metadata.from_push_request(http.headers, body)
        with message_context(metadata):
            changes = parse_changes(body, columns)
            results = [
                await process_change(change, container.freshness, message_id=metadata.id)
                for change in changes
            ]
        return JSONResponse(serialize_effect(*results), headers=_NO_STORE)

    schemas = (NoteChanged, NoteChangeEffect)
    return AppRoutes(router, schemas, "functions.invalidate.documentation")
