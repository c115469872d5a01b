"""Splits a note into chunks and embeds them."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from shared.notes.chunking import build_chunks, split_into_chunks
from shared.text.vocabulary_packs import DEFAULT_PACKS, VocabularyPack

if TYPE_CHECKING:
    from shared.inference.ports import Embedder
    from shared.notes.note import Chunk, Note


async def chunk_and_embed(
    note: "Note",
    embedder: "Embedder",
    *,
    max_words: int,
    overlap_words: int,
    packs: Sequence[VocabularyPack] = DEFAULT_PACKS,
) -> "list[Chunk]":
    """Return the chunks of a note.

    `max_words`, `overlap_words` and `packs` are those of `split_into_chunks`.

    Raises:
        InferenceError: the chunks could not be embedded.
    """
    split = partial(
        split_into_chunks,
        note.text,
        max_words=max_words,
        overlap_words=overlap_words,
        packs=packs,
    )
    # In a thread: a long note takes seconds, and the event loop serves other requests.
    contents = await asyncio.to_thread(split)
    embeddings = await embedder.embed(contents) if contents else []
    return build_chunks(note.note_id, contents, embeddings)
