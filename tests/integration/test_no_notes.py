"""Replies to users without notes."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shared.container import Container
from shared.settings import Settings
from tests.support.full_stack import ask, updated
from tests.support.local_environment import NOTES, LocalEnvironment, start_local_environment

EMBED = "/embed"
ASKED = "What is faith?"


@pytest.fixture
def local(tmp_path: Path) -> Iterator[LocalEnvironment]:
    with start_local_environment(tmp_path) as local:
        yield local


@pytest.fixture
async def container(local: LocalEnvironment) -> AsyncIterator[Container]:
    settings = replace(Settings.from_env(local.environ), inference_timeout=5)
    container = Container(settings)
    yield container
    await container.aclose()


async def test_concurrent_requests_without_notes_embed_once(
    local: LocalEnvironment, container: Container
) -> None:
    local.models.embedding_latency = 0.3
    replies = await asyncio.gather(*(ask(container, "ann", ASKED) for _ in range(40)))
    assert [reply.answer for reply in replies] == [None] * 40
    assert local.models.count(EMBED) == 1


async def test_repeated_request_without_notes_neither_embeds_nor_searches(
    local: LocalEnvironment, container: Container
) -> None:
    await ask(container, "ann", ASKED)
    calls = local.models.count(EMBED)
    reply = await ask(container, "ann", ASKED)
    assert (reply.answer, reply.tier) == (None, "l3")
    assert local.models.count(EMBED) == calls


async def test_first_note_is_answered_from_at_once(container: Container) -> None:
    await ask(container, "ann", ASKED)
    change = updated("ann", "hebrews", NOTES["hebrews"])
    outcome = await container.freshness.note_changed(change)
    assert (outcome.dropped, outcome.retained) == (0, 0)  # an empty context is no answer
    assert (await ask(container, "ann", ASKED)).answer
