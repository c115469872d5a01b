"""Splits a note into chunks and embeds them."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from shared.notes.chunking.split import ChunkLimits, split_note
from shared.notes.note import Chunk
from shared.text.vocabulary_packs import DEFAULT_PACKS, VocabularyPack

if TYPE_CHECKING:
    from shared.inference.ports import Embedder
    from shared.notes.note import Note


async def chunk_and_embed(
    note: "Note",
    embedder: "Embedder",
    *,
    limits: ChunkLimits,
    packs: Sequence[VocabularyPack] = DEFAULT_PACKS,
) -> list[Chunk]:
    """Return the chunks of a note, with the ids `note#0`, `note#1` and so on.

    `limits` and `packs` are those of `split_note`.

    Raises:
        InferenceError: the chunks could not be embedded.
    """
    # In a thread: a long note takes seconds, and the event loop serves other requests.
    passages = await asyncio.to_thread(split_note, note.title, note.text, limits, packs)
    texts = [passage.embedded for passage in passages]
    embeddings = await embedder.embed(texts) if texts else []
    return [
        Chunk(
            f"{note.note_id}#{ordinal}",
            note.note_id,
            passage.content,
            embedding,
            note.title,
            passage.headings,
        )
        for ordinal, (passage, embedding) in enumerate(zip(passages, embeddings, strict=True))
    ]
