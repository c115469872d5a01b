"""`POST /notes/changes`, for queues that push, on any ASGI server.

uvicorn --factory functions.invalidate.app:app
"""

from fastapi import APIRouter, FastAPI, Request, Response

from functions.bootstrap import open_container
from functions.http.app_factory import Part, build_app
from functions.http.auth.caller import caller
from functions.http.openapi import named
from functions.http.problems import MEDIA_TYPE
from functions.http.request_body import read_bytes
from functions.invalidate import message_metadata
from functions.invalidate.processing import apply, explained
from shared.container import Container
from shared.errors import ForbiddenError, UnavailableError
from shared.notes.messages.note_changed import NoteChanged, parse_change

SCOPE = "notes:write"
"""Whoever pushes speaks for every user, so no user's own token will do."""

MAX_BYTES = 16 * 1024 * 1024
"""Room for a message whose text is as long as may be, all of it escaped, inside base64."""

_RETRY_SECONDS = 5.0


def create_app(container: Container) -> FastAPI:
    """Make the app of this function alone."""
    return build_app(container, part(container))


def app() -> FastAPI:
    """Make the app from the process's environment."""
    return create_app(open_container())


def part(container: Container) -> Part:
    """Make this function's part of an app.

    A message may come in any form that `parse_change` knows, or as a CloudEvent in binary mode,
    whose body is the message itself.
    """
    router = APIRouter()
    allowed = frozenset(map(str.strip, container.settings.push_subjects.split(",")))

    @router.post(
        "/notes/changes",
        status_code=204,
        responses={"default": {"description": "A problem"} | named("Problem", MEDIA_TYPE)},
        openapi_extra={"requestBody": {"required": True} | named("NoteChanged")},
    )
    async def note_changed(http: Request) -> Response:
        """Apply a note change; 204 says that it is done."""
        pusher = await caller(http, container.settings)
        if not (SCOPE in pusher.scopes or pusher.names & allowed):
            raise ForbiddenError(
                f"the token must have the scope {SCOPE}, or PUSH_SUBJECTS name its sub or email"
            )
        body = message_metadata.read(await read_bytes(http, MAX_BYTES))
        told = message_metadata.pushed(http.headers, body)
        with explained(told.id, told.carried, of=told.of):
            change = parse_change(body)
            try:
                await apply(change, container.freshness, message_id=told.id)
            except UnavailableError as error:
                # Whatever was missing, to the queue it is one thing: once more, later.
                seconds = error.retry_after or _RETRY_SECONDS
                raise UnavailableError(str(error), retry_after=seconds) from error
        return Response(status_code=204)

    return Part(router, lambda: [NoteChanged])
