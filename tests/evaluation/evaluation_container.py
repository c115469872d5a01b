"""The pipeline for evaluations: a Valkey server, MiniLM vectors and an instant answerer.

Notes are in memory and no model verifies matches.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import numpy as np

from infra.local.valkey import start_valkey
from shared.container import Container
from shared.notes.note import Chunk, Source
from shared.reply import Reply
from shared.settings import Settings
from shared.vectors import Vector, stack
from tests.evaluation.embedding_cache import EMBEDDER
from tests.support.full_stack import QuotingAnswerer, ask, updated
from tests.support.memory_note_store import MemoryNoteStore


@asynccontextmanager
async def open_container(
    semantic_matcher: str = "model", **settings: Any
) -> AsyncIterator[Container]:
    """Open a container with an empty cache, no notes, and default settings except these."""
    with start_valkey() as server:
        container = Container(
            Settings(
                redis_url=server.url,
                redis_timeout=5,
                semantic_verifier="none",
                semantic_matcher=semantic_matcher,
                **settings,
            ),
            store=MemoryNoteStore(),
            embedder=EMBEDDER,
            answerer=QuotingAnswerer(),
        )
        try:
            yield container
        finally:
            await container.aclose()


async def import_notes(container: Container, user: str, notes: Mapping[str, str]) -> None:
    """Store texts as the user's notes, by note id."""
    for note_id, text in notes.items():
        await container.freshness.note_changed(updated(user, note_id, text))


async def ask_through_cache(
    container: Container, user: str, query: str, *, exact: bool = False
) -> Reply:
    """Ask a question.

    Raises:
        RuntimeError: the cache failed, so the measurement is invalid.
    """
    reply = await ask(container, user, query, exact=exact)
    if reply.cache != "ok":
        raise RuntimeError(f"the cache did not serve {query!r}: {reply.cache}")
    return reply


class ExactSearch:
    """An exact search for several questions at once.

    It is independent of the stores and of the invalidation rule that it checks.
    """

    def __init__(self, vectors: Mapping[str, Vector], k: int) -> None:
        """`vectors`: by question; `k`: the number of sources."""
        self._vectors = vectors
        self._k = k

    def __call__(
        self, chunks: Iterable[Chunk], questions: Collection[str] | None = None
    ) -> dict[str, Sequence[Source]]:
        """Return the k best sources of each of these questions, best first, ties by chunk id.

        `questions`: None for all.
        """
        ordered = sorted(chunks, key=lambda chunk: chunk.chunk_id)
        rows = stack([chunk.embedding for chunk in ordered]).astype(np.float64)
        asked = list(self._vectors if questions is None else questions)
        vectors = stack([self._vectors[question] for question in asked]).astype(np.float64)
        norms = np.outer(np.linalg.norm(vectors, axis=1), np.linalg.norm(rows, axis=1))
        cosines = vectors @ rows.T / norms
        best = np.argsort(-cosines, axis=1, kind="stable")[:, : self._k]
        return {
            question: [
                Source(chunk.chunk_id, chunk.note_id, chunk.content, float(cosines[row, place]))
                for place, chunk in ((place, ordered[place]) for place in best[row])
            ]
            for row, question in enumerate(asked)
        }


async def all_chunks(container: Container, user: str) -> list[Chunk]:
    """Return every chunk of the user's notes."""
    store = container.store
    assert isinstance(store, MemoryNoteStore)
    return [
        chunk
        for note in await store.list_notes(user)
        for chunk in await store.get_chunks(user, note.note_id)
    ]


def same_sources(one: Sequence[Source], other: Sequence[Source]) -> bool:
    """Whether two searches found the same passages in the same order, regardless of cosines."""
    return [(source.chunk_id, source.content) for source in one] == [
        (source.chunk_id, source.content) for source in other
    ]
