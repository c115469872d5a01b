"""Prefixes of questions and passages, from a note change to the cached answer."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from shared.container import Container
from shared.settings import Settings
from tests.support.full_stack import ask, updated
from tests.support.huggingface import FakeHuggingFace
from tests.support.memory_note_store import MemoryNoteStore

PREFIXES = {"query_prefix": "query: ", "passage_prefix": "passage: "}
NOTE = "Faith is trust in what is not seen. Ruth stayed with her Naomi."
QUESTION = "What is faith?"

Start = Callable[..., Container]


@pytest.fixture
async def start(settings: Settings, valkey_url: str) -> AsyncIterator[Start]:
    """Start containers over one note store and one cache."""
    store = MemoryNoteStore()
    started: list[Container] = []

    def starter(**changes: Any) -> Container:
        chosen = replace(settings, redis_url=valkey_url, redis_timeout=5.0, **changes)
        started.append(Container(chosen, store=store))
        return started[-1]

    yield starter
    for container in started:
        await container.aclose()


def embedded(host: FakeHuggingFace) -> list[str]:
    """Return the texts that were embedded since the last call."""
    texts = [text for call in host.calls for text in (call.body or {}).get("inputs", [])]
    host.calls.clear()
    return texts


async def test_questions_and_passages_are_embedded_with_their_prefix(
    host: FakeHuggingFace, start: Start
) -> None:
    container = start(**PREFIXES, context_ttl=1)
    await container.freshness.note_changed(updated("u", "n", NOTE))
    assert embedded(host) == [f"passage: {NOTE}"]
    reply = await ask(container, "u", QUESTION)
    assert reply.answer
    assert embedded(host) == ["query: what is faith"]


async def test_extractive_answer_uses_both_prefixes(host: FakeHuggingFace, start: Start) -> None:
    container = start(**PREFIXES)
    await container.freshness.note_changed(updated("u", "n", NOTE))
    sources = (await ask(container, "u", QUESTION)).sources
    host.calls.clear()
    assert container.extractive_answerer
    await container.extractive_answerer.answer(QUESTION, sources)
    assert sorted(embedded(host)) == [
        "passage: Faith is trust in what is not seen.",
        "passage: Ruth stayed with her Naomi.",
        f"query: {QUESTION}",
    ]


@pytest.mark.parametrize("changed", [{"query_prefix": "search: "}, {"passage_prefix": "text: "}])
async def test_changed_prefix_reuses_neither_cached_embeddings_nor_answers(
    host: FakeHuggingFace, start: Start, changed: dict[str, str]
) -> None:
    first, second = start(**PREFIXES), start(**PREFIXES | changed)
    await first.freshness.note_changed(updated("u", "n", NOTE))
    await ask(first, "u", QUESTION)
    await ask(first, "another", QUESTION)
    host.calls.clear()
    reply = await ask(second, "u", QUESTION)
    assert reply.tier is None
    assert embedded(host) == [second.settings.query_prefix + "what is faith"]


async def test_empty_prefixes_change_nothing(host: FakeHuggingFace, start: Start) -> None:
    plain = start()
    assert plain.question_embedder is plain.passage_embedder is plain.embedder
