"""The Lambda handler of the caller's own notes, with events of an HTTP API."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from functions.http.gateway import GatewayHandler
from functions.notes.app import create_app
from shared.container import Container
from shared.deadline import timeout_at_deadline
from shared.errors import InferenceError
from shared.settings import Settings
from shared.vectors import Vector
from tests.support.fakes import HashingEmbedder, SlowAnswerer
from tests.support.fuzzing.gateway_events import gateway_event
from tests.support.memory_note_store import MemoryNoteStore
from tests.support.queues import Context

JSON = {"content-type": "application/json"}
PATH = "/v1/notes/letters/faith & hope"  # HTTP APIs decode the path


class Embedder(HashingEmbedder):
    """Waits until the deadline where it is unresponsive."""

    unresponsive = False

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        if self.unresponsive:
            try:
                async with timeout_at_deadline():
                    await asyncio.sleep(30)
            except TimeoutError:
                raise InferenceError("no time left") from None
        return await super().embed(texts)


@pytest.fixture
def embedder() -> Embedder:
    return Embedder()


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    opened = asyncio.new_event_loop()
    asyncio.set_event_loop(opened)
    yield opened
    asyncio.set_event_loop(None)
    opened.close()


@pytest.fixture
def container(
    valkey_url: str, loop: asyncio.AbstractEventLoop, embedder: Embedder
) -> Iterator[Container]:
    settings = Settings(
        redis_url=valkey_url, redis_timeout=5, embedding_dimensions=8, notes_api=True
    )
    opened = Container(
        settings, store=MemoryNoteStore(), embedder=embedder, answerer=SlowAnswerer()
    )
    yield opened
    loop.run_until_complete(opened.aclose())


def send(
    container: Container, method: str, path: str, body: Any = None, milliseconds: int = 30_000
) -> Any:
    text = None if body is None else json.dumps(body)
    event = gateway_event("http_api_v2", path=path, method=method, body=text, headers=JSON)
    lambda_context: Any = Context(milliseconds)
    return GatewayHandler(create_app(container))(event, lambda_context)


def test_handler_serves_the_notes_of_the_verified_subject(container: Container) -> None:
    created = send(container, "PUT", PATH, {"text": "Faith is trust."})
    assert created["statusCode"] == 201
    read = send(container, "GET", PATH)
    assert (read["statusCode"], read["headers"]["etag"]) == (200, created["headers"]["etag"])
    note = json.loads(read["body"])
    assert (note["note_id"], note["text"]) == ("letters/faith & hope", "Faith is trust.")
    head = send(container, "HEAD", PATH)
    assert (head["statusCode"], head["body"]) == (200, "")
    (listed,) = json.loads(send(container, "GET", "/notes")["body"])["notes"]
    assert listed["note_id"] == "letters/faith & hope"
    assert send(container, "DELETE", "/users/me")["statusCode"] == 200
    assert send(container, "GET", PATH)["statusCode"] == 404


def test_former_text_is_removed_before_lambda_ends_the_process(
    container: Container, embedder: Embedder, loop: asyncio.AbstractEventLoop
) -> None:
    send(container, "PUT", PATH, {"text": "Faith is trust."})
    chunks = container.store.get_chunks("ann", "letters/faith & hope")
    assert loop.run_until_complete(chunks)
    embedder.unresponsive = True
    began = loop.time()
    changed = send(container, "PUT", PATH, {"text": "Faith is hope."}, milliseconds=4_200)
    assert loop.time() - began < 3
    assert changed["statusCode"] == 503
    assert json.loads(send(container, "GET", PATH)["body"])["text"] == "Faith is hope."
    chunks = container.store.get_chunks("ann", "letters/faith & hope")
    assert not loop.run_until_complete(chunks)
