"""A queue that pushes: the same messages, over HTTP."""

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request, Response

from functions import problems
from functions.identity import caller
from functions.invalidate.applying import apply, explained
from shared.errors import ForbiddenError, UnavailableError
from shared.notes.changes import parse_change

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.container import Container

SCOPE = "notes:write"
_RETRY_SECONDS = 5.0


def create_app(container: "Container") -> FastAPI:
    """Make the app that takes note changes: `POST /notes/changes`.

    A message may come bare, in an envelope that `parse_change` knows, or as a CloudEvent in
    either mode: in binary mode its body is the message itself.
    """

    @asynccontextmanager
    async def closing(_: FastAPI) -> "AsyncIterator[None]":
        yield
        await container.aclose()

    app = FastAPI(title="Tercet note changes", lifespan=closing)
    problems.install(app)

    @app.post("/notes/changes", status_code=204)
    async def note_changed(request: Request) -> Response:
        who = await caller(request, container.settings)
        if SCOPE not in who.scopes:
            raise ForbiddenError(f"the token must have the scope {SCOPE}")
        message_id = request.headers.get("ce-id", "(pushed)")
        with explained(message_id):
            change = parse_change(await request.body())
            try:
                await apply(change, container.freshness, message_id=message_id)
            except UnavailableError as error:
                # Whatever the reason, to the queue it is one thing: again, later.
                seconds = error.retry_after or _RETRY_SECONDS
                raise UnavailableError(str(error), retry_after=seconds) from error
        return Response(status_code=204)

    return app
