"""Chunks for tests: without a chunker, and texts split without a title."""

from collections.abc import Sequence

from shared.notes.chunking.split import ChunkLimits, split_note
from shared.notes.note import Chunk
from shared.text.vocabulary_packs import DEFAULT_PACKS, VocabularyPack
from shared.vectors import Vector


def build_chunks(
    note_id: str, contents: Sequence[str], embeddings: Sequence[Vector]
) -> list[Chunk]:
    """Build a note's chunks from texts and embeddings, with ids `note#0`, `note#1` and so on."""
    return [
        Chunk(f"{note_id}#{ordinal}", note_id, content, embedding)
        for ordinal, (content, embedding) in enumerate(zip(contents, embeddings, strict=True))
    ]


def split(
    text: str,
    *,
    max_words: int = 200,
    overlap_words: int = 40,
    max_tokens: int = 100_000,
    packs: Sequence[VocabularyPack] = DEFAULT_PACKS,
) -> list[str]:
    """Return the contents of the chunks of a text, by default bounded by words alone."""
    limits = ChunkLimits(max_words, overlap_words, max_tokens)
    return [passage.content for passage in split_note("", text, limits, packs)]
