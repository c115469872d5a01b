"""What the playground's page asks for: the way of an answer, and notes that it may write."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from functions.http.app_factory import build_app
from infra.local.caching_embedder import CachingEmbedder
from infra.local.playground import app as playground
from shared.container import Container
from shared.errors import InferenceUnavailableError
from shared.settings import Settings
from shared.vectors import Vector
from tests.support.counted import SlowAnswerer
from tests.support.main_job import MINILM, written
from tests.support.servers import send_command
from tests.support.stores import MemoryNoteStore


class Embedder:
    """MiniLM, unless it is away; it counts what it was asked."""

    model, dimensions = MINILM.model, MINILM.dimensions

    def __init__(self) -> None:
        self.away = False
        self.asked: list[str] = []

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        if self.away:
            raise InferenceUnavailableError("away")
        self.asked += texts
        await asyncio.sleep(0.002)  # what is remembered takes a hundredth of that
        return await MINILM.embed(texts)


class Player:
    """Somebody at the page."""

    def __init__(self, http: httpx.AsyncClient, container: Container, embedder: Embedder) -> None:
        self.http, self.container, self.embedder = http, container, embedder

    async def ask(self, query: str) -> dict[str, Any]:
        response = await self.http.post("/playground/ask", json={"query": query})
        assert response.status_code == 200, response.text
        told: dict[str, Any] = response.json()
        return told

    async def write(self, note_id: str, text: str, **headers: str) -> httpx.Response:
        body = {"title": note_id, "text": text}
        return await self.http.put(f"/playground/notes/{note_id}", json=body, headers=headers)


@pytest.fixture
async def player(valkey_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Player]:
    send_command(urlsplit(valkey_url).port or 0, "FLUSHALL")  # others ask with the same model
    embedder = Embedder()
    container = Container(
        Settings(redis_url=valkey_url, redis_timeout=5, local_mode=True),
        store=MemoryNoteStore(),
        embedder=CachingEmbedder(embedder),
        answerer=SlowAnswerer(),
    )
    user = request.node.name
    await container.freshness.note_changed(written(user, "hope", "Hope is an anchor."))
    transport = httpx.ASGITransport(build_app(container, playground.build_routes(container)))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1", headers={"X-Tercet-User": user}
    ) as http:
        yield Player(http, container, embedder)
    await container.aclose()


async def test_embedding_is_shown_where_it_was_needed(player: Player) -> None:
    await player.ask("What is love?")
    known = len(player.embedder.asked)
    told = await player.ask("What is hope?")
    steps = {step["name"]: step["milliseconds"] for step in told["steps"]}
    assert player.embedder.asked[known:] == ["what is hope"]
    assert steps["embed"] > 0.5
    assert [other["question"] for other in told["near"]] == ["what is love"]


async def test_an_exact_hit_needs_no_embedder(player: Player) -> None:
    for query in ("What is love?", "What is hope?"):
        await player.ask(query)
    player.container.override(embedder=player.embedder)  # which remembers nothing
    player.embedder.away = True
    told = await player.ask("What is hope?")
    assert told["reply"]["metadata"]["match"] == "exact"
    assert told["near"] is None


async def test_why_a_near_answer_was_refused_is_told(player: Player) -> None:
    for number in ("second", "sixth"):
        told = await player.ask(f"What are the sins forbidden in the {number} commandment?")
    assert told["reply"]["metadata"]["match_refusal"].startswith("numbers")


async def test_a_new_note_takes_no_others_place(player: Player) -> None:
    new = {"If-None-Match": "*"}
    assert (await player.write("note", "The first.", **new)).status_code == 200
    refused = await player.write("note", "The second.", **new)
    assert refused.status_code == 412
    assert refused.json()["detail"] == "there is a note 'note' already"
    assert (await player.write("note", "The first, edited.")).status_code == 200
    notes = (await player.http.get("/playground/notes")).json()
    assert {note["note_id"]: note["text"] for note in notes}["note"] == "The first, edited."


async def test_a_note_may_be_longer_than_a_question(player: Player) -> None:
    assert (await player.write("long", "x" * 20 * 5_000)).status_code == 200
    response = await player.write("long", "x" * playground.MAX_BYTES)
    assert response.status_code == 413
