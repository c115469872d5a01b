"""Embeddings of many dimensions in each note store, in the cache and through the pipeline."""

from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pytest

from shared.container import Container
from shared.notes.embedding_profile import EmbeddingProfile
from shared.notes.note import Note
from shared.notes.postgres.store import PostgresNoteStore
from shared.notes.sqlite import SQLiteNoteStore
from shared.notes.store import NoteStore
from shared.settings import Settings
from shared.vectors import Vector, canonical, cosines, stack
from tests.support.chunks import build_chunks
from tests.support.full_stack import QuotingAnswerer, ask, updated
from tests.support.postgres import PostgresServer

CHUNKS = 40


def large_vectors(count: int, dimensions: int, seed: int = 0) -> list[Vector]:
    """All components have nearly one size: the most difficult case for exact sums."""
    rng = np.random.default_rng(seed)
    signs = rng.choice([-1.0, 1.0], (count, dimensions))
    return [canonical(row) for row in signs * rng.uniform(0.9, 1.0, (count, dimensions))]


async def check_exact_search(store: NoteStore, dimensions: int) -> None:
    vectors = large_vectors(CHUNKS, dimensions)
    contents = ["word " * 200] * CHUNKS
    pieces = build_chunks("n", contents, vectors)
    await store.replace_note(Note("u" * 255, "n", "t", "x", 1, 1), pieces)
    read = await store.get_chunks("u" * 255, "n")
    assert np.array_equal([chunk.embedding for chunk in read], vectors)
    for query in large_vectors(5, dimensions, seed=1):
        similarities = cosines(query, stack(vectors))
        expected = sorted(zip(-similarities, (chunk.chunk_id for chunk in pieces), strict=True))
        found = await store.search("u" * 255, query, 5)
        assert [(-each.similarity, each.chunk_id) for each in found] == expected[:5]


@pytest.mark.parametrize("dimensions", [1, 1040, 1041, 2000, 2001, 3072, 4096])
async def test_postgres_search_is_exact_to_the_last_bit(
    postgres_server: PostgresServer, dimensions: int
) -> None:
    """pgvector adds in float32, in its own order. Rows above 8 KB need another storage."""
    store = PostgresNoteStore(
        await postgres_server.new_database(), EmbeddingProfile("large", dimensions)
    )
    async with aclosing(store):
        await store.migrate()
        await check_exact_search(store, dimensions)


@pytest.mark.parametrize("dimensions", [1, 1041, 4096])
async def test_sqlite_search_is_exact_to_the_last_bit(tmp_path: Path, dimensions: int) -> None:
    profile = EmbeddingProfile("large", dimensions)
    async with aclosing(SQLiteNoteStore(tmp_path / "notes.db", profile)) as store:
        await check_exact_search(store, dimensions)


class LargeEmbedder:
    """Embeds each text with 4,096 dimensions."""

    model = "large"
    dimensions = 4096

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        return [large_vectors(1, self.dimensions, seed=len(text))[0] for text in texts]


@pytest.mark.parametrize("per_user", [False, True])
async def test_cache_serves_questions_with_4096_dimensions(
    valkey_url: str, tmp_path: Path, *, per_user: bool
) -> None:
    settings = Settings(
        redis_url=valkey_url,
        redis_timeout=5,
        embedding_dimensions=4096,
        embeddings_per_user=per_user,
        semantic_verifier="none",
    )
    container = Container(
        settings,
        store=SQLiteNoteStore(tmp_path / "notes.db", EmbeddingProfile.of(settings)),
        embedder=LargeEmbedder(),
        answerer=QuotingAnswerer(),
    )
    async with aclosing(container):
        await container.freshness.note_changed(updated("u", "n", "Faith is trust."))
        outcomes = [(await ask(container, "u", "What is faith?")).outcome for _ in range(2)]
        assert outcomes == ["none", "exact"]
        other = await ask(container, "u", "What is faith?", no_cache=True)
        assert other.outcome == "l2", "the embedding was not cached"
        result = await container.freshness.note_changed(updated("u", "n", "Hope is trust."))
        assert result.dropped == 1
