"""A container with fake models and an in-memory note store, for tests of Redis."""

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np

from shared.container import Container
from shared.inference.ports import Completion
from shared.notes.note import Source
from shared.settings import Settings
from shared.vectors import Vector, canonical
from tests.support.memory_note_store import MemoryNoteStore

DIMENSIONS = 8


class HashingEmbedder:
    """Returns a random vector for each text, seeded with the text."""

    model = "hashing"
    dimensions = DIMENSIONS

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        seeds = (list(text.encode()) for text in texts)
        return [canonical(np.random.default_rng(s).normal(size=DIMENSIONS)) for s in seeds]


class SlowAnswerer:
    """Answers with the question and all sources after a delay, and counts its calls."""

    model = "slow"

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.begun = 0

    async def answer(self, question: str, sources: Sequence[Source], **_: object) -> Completion:
        self.begun += 1
        await asyncio.sleep(self.seconds)
        return Completion(f"{question}: {' '.join(s.content for s in sources)}", self.model)


def create_container(
    url: str, store: MemoryNoteStore | None = None, answerer: Any = None, **settings: Any
) -> Container:
    """Create a container with fakes on the Redis at this URL."""
    return Container(
        Settings(redis_url=url, embedding_dimensions=DIMENSIONS, **settings),
        store=store or MemoryNoteStore(),
        embedder=HashingEmbedder(),
        answerer=answerer or SlowAnswerer(),
    )
