"""Tests of embeddings in note stores that another program wrote."""

import json
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pytest

from shared.errors import StoreUnavailableError
from shared.notes.note import Chunk, Note
from shared.notes.sql_store import SQLNoteStore
from tests.support.note_backends import Postgres, SQLite

NOTE = Note("ann", "n", "Title", "Text", 1, 1)
ZERO, ONES = np.zeros(8, dtype=np.int8), np.ones(8, dtype=np.int8)
UPDATE = "UPDATE chunks SET embedding = $1::text::halfvec WHERE chunk_id = 'b'"


@pytest.fixture(params=["sqlite", "postgres"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> SQLite | Postgres:
    if request.param == "sqlite":
        return SQLite(tmp_path / "notes.db")
    return Postgres(request.getfixturevalue("postgres_url"))


async def test_zero_vectors_have_the_lowest_similarity(backend: SQLite | Postgres) -> None:
    async with aclosing(await backend.open()) as store:
        await store.replace_note(NOTE, [Chunk("a", "n", "A", ZERO), Chunk("b", "n", "B", ONES)])
        found = await store.search("ann", ONES, 5)
        assert [(source.chunk_id, source.similarity) for source in found] == [("b", 1), ("a", -1)]
        found = await store.search("ann", ZERO, 5)
        assert [(source.chunk_id, source.similarity) for source in found] == [("a", -1), ("b", -1)]
        assert len(await store.get_chunks("ann", "n")) == 2


@pytest.mark.parametrize(
    "embedding", [[0.25] * 8, [300.0] * 8, [-128.0] * 8, [1] * 7 + [0.5], [1] * 9]
)
async def test_note_with_inexact_embeddings_cannot_be_compared(
    postgres_url: str, embedding: list[float]
) -> None:
    """Rounded embeddings would have other cosines, so that an affected answer would be served."""
    async with aclosing(await Postgres(postgres_url).open()) as store:
        assert isinstance(store, SQLNoteStore)
        await store.replace_note(NOTE, [Chunk("a", "n", "A", ONES), Chunk("b", "n", "B", ONES)])
        await store.run(lambda connection: connection.execute(UPDATE, json.dumps(embedding)))
        with pytest.raises(StoreUnavailableError, match="embeddings that Tercet did not write"):
            await store.get_chunks("ann", "n")
