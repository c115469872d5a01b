"""Chunking and embedding of notes."""

import asyncio
from collections.abc import Sequence

import pytest

from shared.notes.chunking.split import ChunkLimits
from shared.notes.ingest import chunk_and_embed
from shared.notes.note import Note
from shared.vectors import Vector
from tests.support.fakes import HashingEmbedder


class ConstantEmbedder(HashingEmbedder):
    """Returns the same vector for every text."""

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        return (await super().embed(["text"])) * len(texts)


@pytest.mark.parametrize("repeated", ["John ", "John 3:16-18, 20; ", ". ", "- \n"])
async def test_event_loop_runs_while_a_long_note_is_split(repeated: str) -> None:
    note = Note("ann", "n", "", repeated * (50_000 // len(repeated)), 1, 1)
    splitting = asyncio.create_task(chunk_and_embed(note, ConstantEmbedder(), limits=ChunkLimits()))
    iterations = 0
    while not splitting.done():
        await asyncio.sleep(0.001)
        iterations += 1
    await splitting
    assert iterations >= 5


async def test_chunk_has_title_and_headings_and_another_title_another_embedding() -> None:
    chunk, other_chunk = [
        chunk
        for title in ("Ben", "Anna")
        for chunk in await chunk_and_embed(
            Note("ann", "ben", title, "# Work\n\nPhone: 555.", 1, 1),
            HashingEmbedder(),
            limits=ChunkLimits(),
        )
    ]
    assert (chunk.chunk_id, chunk.title, chunk.headings) == ("ben#0", "Ben", "Work")
    assert chunk.content == other_chunk.content == "# Work\n\nPhone: 555."
    (expected,) = await HashingEmbedder().embed(["Ben > Work\n# Work\n\nPhone: 555."])
    assert (chunk.embedding == expected).all()
    assert (chunk.embedding != other_chunk.embedding).any()
