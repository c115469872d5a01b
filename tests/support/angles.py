"""One user's notes and cached questions, as vectors in one plane.

Angles name them: a question at 0 degrees and a chunk have the cosine of the chunk's angle.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from shared.cache import index_entries
from shared.cache.keyspace import UserKeys, question_field
from shared.cache.pipeline_id import PipelineId, embedding_name
from shared.errors import InferenceRefusedError
from shared.freshness import Freshness
from shared.notes.chunking.split import ChunkLimits
from shared.notes.ingest import chunk_and_embed
from shared.notes.messages.note_changed import NoteChanged, Operation
from shared.notes.note import Chunk, Note, Source
from shared.notes.store import NoteStore
from shared.vectors import Vector, canonical
from tests.support.caches import DIMENSIONS, PIPELINE, Cache, an_answer
from tests.support.memory_note_store import MemoryNoteStore

K = PIPELINE.retrieved_chunks
START = datetime(2026, 11, 1, 10, tzinfo=UTC)


def at(degrees: float) -> Vector:
    angle = math.radians(degrees)
    return canonical([math.cos(angle), math.sin(angle), *[0.0] * (DIMENSIONS - 2)])


class AngleEmbedder:
    """Embeds a number as the vector at that angle (degrees), whatever the title before it is."""

    model = PIPELINE.embedding
    dimensions = DIMENSIONS

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        try:
            return [at(float(text.rpartition("\n")[2])) for text in texts]
        except ValueError:
            raise InferenceRefusedError("the model embeds numbers only.") from None


def change(note_id: str | None = "note", operation: str = "updated", **fields: Any) -> NoteChanged:
    at_version = START + timedelta(seconds=fields.get("version") or 0)
    message = {"user_id": "ann", "occurred_at": at_version} | fields
    return NoteChanged(note_id=note_id, operation=Operation(operation), **message)


class World:
    """Ann's notes, her cached questions, and the use case under test."""

    def __init__(self, cache: Cache, store: NoteStore | None = None) -> None:
        self.cache = cache
        self.store = store or MemoryNoteStore()
        self.freshness = Freshness(
            invalidation=cache.invalidation(),
            store=self.store,
            chunk_and_embed=partial(
                chunk_and_embed, embedder=AngleEmbedder(), limits=ChunkLimits()
            ),
            embedding_name=embedding_name(PIPELINE.embedding),
        )

    def with_store(self, store: NoteStore) -> "World":
        return World(self.cache, store)

    async def write(self, note_id: str, *angles: float, version: int = 1) -> None:
        """Store a note with chunks at these angles."""
        note = Note("ann", note_id, "", "", version, 10 * version)
        chunks = [Chunk(f"{note_id}#{a}", note_id, f"at {a}", at(a)) for a in angles]
        assert await self.store.replace_note(note, chunks)

    async def ask(self, question: str, angle: float = 0, pipeline: PipelineId = PIPELINE) -> None:
        """Search the notes and store an answer."""
        sources = await self.store.search("ann", at(angle), K)
        await self.store_answer(question, sources, angle, pipeline)

    async def store_answer(
        self,
        question: str,
        sources: list[Source],
        angle: float = 0,
        pipeline: PipelineId = PIPELINE,
    ) -> None:
        session = self.cache.session("ann", question, pipeline)
        await session.lookup()
        assert await session.store(at(angle), sources, an_answer())

    async def alias(self, question: str, target: str, angle: float = 0) -> None:
        """Store an alias of another question."""
        session = self.cache.session("ann", question)
        await session.lookup()
        await session.load_miss_context()
        field = question_field(target, PIPELINE.name)
        data = await self.cache.redis("HGET", UserKeys.of("ann").questions, field)
        assert isinstance(data, bytes)
        entry = index_entries.decode(data)
        assert entry
        sources = await self.store.search("ann", at(angle), K)
        assert await session.store_alias(at(angle), sources, (field, entry), 0.95)

    async def cached(self, question: str, pipeline: PipelineId = PIPELINE) -> bool:
        return bool((await self.cache.session("ann", question, pipeline).lookup()).answer)
