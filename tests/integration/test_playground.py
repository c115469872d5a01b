"""The HTTP API of the playground."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from functions.notes.app import MAX_BYTES
from infra.local.caching_embedder import CachingEmbedder
from infra.local.commands.serve import build_local_app
from shared.container import Container
from shared.errors import InferenceUnavailableError
from shared.settings import Settings
from shared.vectors import Vector
from tests.support.full_stack import MINILM, updated
from tests.support.memory_note_store import MemoryNoteStore
from tests.support.servers import send_command
from tests.support.stats_app import COST, SlowAnswerer


class Embedder:
    """MiniLM with a switch for failures; records the embedded texts."""

    model, dimensions = MINILM.model, MINILM.dimensions

    def __init__(self) -> None:
        self.fails = False
        self.texts: list[str] = []

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        if self.fails:
            raise InferenceUnavailableError("unavailable")
        self.texts += texts
        await asyncio.sleep(0.002)  # a cached embedding takes a hundredth of that
        return await MINILM.embed(texts)


class Client:
    def __init__(self, http: httpx.AsyncClient, container: Container, embedder: Embedder) -> None:
        self.http, self.container, self.embedder = http, container, embedder

    async def ask(self, query: str) -> dict[str, Any]:
        response = await self.http.post("/playground/ask", json={"query": query})
        assert response.status_code == 200, response.text
        body: dict[str, Any] = response.json()
        return body

    async def write(self, note_id: str, text: str) -> httpx.Response:
        body = {"title": note_id, "text": text}
        return await self.http.put(f"/v1/notes/{note_id}", json=body)


@pytest.fixture
async def client(valkey_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    send_command(urlsplit(valkey_url).port or 0, "FLUSHALL")  # embeddings are shared between users
    embedder = Embedder()
    container = Container(
        Settings(redis_url=valkey_url, redis_timeout=5, local_mode=True),
        store=MemoryNoteStore(),
        embedder=CachingEmbedder(embedder),
        answerer=SlowAnswerer(),
    )
    user = request.node.name
    await container.freshness.note_changed(updated(user, "hope", "Hope is an anchor."))
    transport = httpx.ASGITransport(build_local_app(container))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1", headers={"X-Tercet-User": user}
    ) as http:
        yield Client(http, container, embedder)
    await container.aclose()


async def test_steps_include_embed_only_if_the_embedding_was_not_cached(client: Client) -> None:
    await client.ask("What is love?")
    count = len(client.embedder.texts)
    result = await client.ask("What is hope?")
    steps = {step["name"]: step["duration_ms"] for step in result["steps"]}
    assert client.embedder.texts[count:] == ["what is hope"]
    assert steps["embed"] > 0.5
    assert [other["question"] for other in result["similar_questions"]] == ["What is love?"]


async def test_exact_hit_needs_no_embedder(client: Client) -> None:
    for query in ("What is love?", "What is hope?"):
        await client.ask(query)
    client.container.override(embedder=client.embedder)  # without the cache
    client.embedder.fails = True
    result = await client.ask("What is hope?")
    assert result["reply"]["metadata"]["match"] == "exact"
    assert result["similar_questions"] is None


async def test_result_has_the_cost_and_the_cached_question_of_the_answer(client: Client) -> None:
    first = await client.ask("What is hope?")
    again = await client.ask("what is HOPE")
    assert first["cost"] == again["cost"] == COST
    listed = (await client.http.get("/playground/cached-questions")).json()
    assert listed["enabled"] is True
    assert [each["field"] for each in listed["questions"]] == [first["field"]]
    assert again["field"] == first["field"]


async def test_listed_answer_that_was_generated_again_has_another_id(client: Client) -> None:
    query = {"query": "What is hope?", "no_cache": True}
    ids = []
    for _ in range(2):
        await client.http.post("/playground/ask", json=query)
        (listed,) = (await client.http.get("/playground/cached-questions")).json()["questions"]
        ids.append(listed["answer_id"])
    assert ids[0] != ids[1]


@pytest.mark.parametrize("enabled", [True, False])
async def test_cached_questions_cannot_be_listed_without_redis(*, enabled: bool) -> None:
    settings = Settings(redis_url="redis://127.0.0.1:1", cache_enabled=enabled, local_mode=True)
    container = Container(
        settings, store=MemoryNoteStore(), embedder=MINILM, answerer=SlowAnswerer()
    )
    transport = httpx.ASGITransport(build_local_app(container))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1", headers={"X-Tercet-User": "ann"}
    ) as http:
        listed = await http.get("/playground/cached-questions")
        asked = (await http.post("/playground/ask", json={"query": "What is hope?"})).json()
    await container.aclose()
    assert listed.status_code == (503 if enabled else 200)
    assert enabled or listed.json() == {"enabled": False, "questions": []}
    assert (asked["field"], asked["similar_questions"]) == (None, None if enabled else [])


async def test_reply_has_the_reason_of_a_match_rejection(client: Client) -> None:
    for number in ("second", "sixth"):
        result = await client.ask(f"What are the sins forbidden in the {number} commandment?")
    assert result["reply"]["metadata"]["match_rejection"].startswith("numbers")


@pytest.mark.slow
async def test_sample_notes_are_imported_for_the_user(client: Client) -> None:
    response = await client.http.post("/playground/sample-notes/handbook")
    assert response.json()["notes"] == 31
    page = (await client.http.get("/v1/notes")).json()
    assert "vacation-policy" in {note["note_id"] for note in page["notes"]}
    assert (await client.http.post("/playground/sample-notes/other")).status_code == 404


async def test_note_may_be_longer_than_a_question(client: Client) -> None:
    assert (await client.write("long", "x" * 20 * 5_000)).status_code == 201
    response = await client.write("long", "x" * MAX_BYTES)
    assert response.status_code == 413
