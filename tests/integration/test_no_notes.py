"""Whoever has no notes is told so, a crowd at once; and never once there is a note."""

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


async def test_a_crowd_without_notes_embeds_its_question_once_and_nobody_waits_in_a_queue(
    local: LocalEnvironment, container: Container
) -> None:
    local.models.embedding_latency = 0.3
    replies = await asyncio.gather(*(ask(container, "ann", ASKED) for _ in range(40)))
    assert [reply.answer for reply in replies] == [None] * 40
    assert local.models.count(EMBED) == 1


async def test_asked_again_nothing_is_embedded_nor_searched(
    local: LocalEnvironment, container: Container
) -> None:
    await ask(container, "ann", ASKED)
    calls = local.models.count(EMBED)
    reply = await ask(container, "ann", ASKED)
    assert (reply.answer, reply.tier) == (None, "l3")
    assert local.models.count(EMBED) == calls


async def test_with_the_first_note_there_is_an_answer(container: Container) -> None:
    await ask(container, "ann", ASKED)
    change = updated("ann", "hebrews", NOTES["hebrews"])
    outcome = await container.freshness.note_changed(change)
    assert (outcome.dropped, outcome.retained) == (0, 0)  # it was no answer
    assert (await ask(container, "ann", ASKED)).answer
