"""A back end that asks Tercet for its signed-in users.

Run: TERCET_URL=http://localhost:8000 uvicorn --app-dir examples backend:app
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

TERCET_URL = os.environ.get("TERCET_URL", "http://localhost:8000")
TIMEOUT = httpx.Timeout(30, connect=2)


def credentials(request: Request) -> dict[str, str]:
    """Return the headers that identify the user.

    Replace this by your own sign-in: the user's access token as a bearer token. `tercet serve`
    takes the user's name from a header instead.
    """
    if authorization := request.headers.get("Authorization"):
        return {"Authorization": authorization}
    return {"X-Tercet-User": request.cookies.get("user", "ann")}


async def ask(request: Request) -> Response:
    """Pass a question to Tercet, and the answer to the browser while it is written."""
    client: httpx.AsyncClient = request.app.state.tercet
    headers = credentials(request) | {
        "Accept": request.headers.get("Accept", "application/json"),
        "Content-Type": "application/json",
    }
    upstream = client.build_request(
        "POST", "/v1/assistant/query", content=await request.body(), headers=headers
    )
    response = await client.send(upstream, stream=True)

    async def parts() -> AsyncIterator[bytes]:
        try:
            async for part in response.aiter_raw():
                yield part
        finally:
            await response.aclose()  # also if the browser leaves: Tercet then stops to generate

    passed = ("content-type", "cache-control", "cache-status", "retry-after", "x-correlation-id")
    kept = {name: response.headers[name] for name in passed if name in response.headers}
    return StreamingResponse(parts(), response.status_code, kept)


async def save_note(request: Request) -> Response:
    """Change a note; the response comes when no later answer uses the former text."""
    client: httpx.AsyncClient = request.app.state.tercet
    headers = credentials(request) | {"Content-Type": "application/json"}
    if etag := request.headers.get("If-Match"):
        headers["If-Match"] = etag  # 412 if the note was changed by another device
    response = await client.put(
        f"/v1/notes/{request.path_params['note_id']}", content=await request.body(), headers=headers
    )
    names = [name for name in ("content-type", "etag") if name in response.headers]
    kept = {name: response.headers[name] for name in names}
    return Response(response.content, response.status_code, kept)


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Keep one client, and its connections, for all requests."""
    async with httpx.AsyncClient(base_url=TERCET_URL, timeout=TIMEOUT) as client:
        app.state.tercet = client
        yield


app = Starlette(
    routes=[
        Route("/api/ask", ask, methods=["POST"]),
        Route("/api/notes/{note_id}", save_note, methods=["PUT"]),
    ],
    lifespan=lifespan,
)
