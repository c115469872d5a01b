"""Turns the text of a change message into a note with embedded chunks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from shared.notes.chunking import build_chunks, split_into_chunks
from shared.notes.note import Note
from shared.text.vocabulary_packs import DEFAULT_PACKS, VocabularyPack

if TYPE_CHECKING:
    from shared.inference.ports import Embedder
    from shared.notes.messages.note_changed import NoteChanged
    from shared.notes.note import Chunk


async def chunk_and_embed(
    change: "NoteChanged",
    embedder: "Embedder",
    *,
    max_words: int,
    overlap_words: int,
    packs: Sequence[VocabularyPack] = DEFAULT_PACKS,
) -> "tuple[Note, list[Chunk]]":
    """Return the note of a message, and its chunks.

    `max_words`, `overlap_words` and `packs` are those of `split_into_chunks`.

    Raises:
        InferenceError: the chunks could not be embedded.
    """
    text, note_id = change.text or "", change.note_id or ""
    contents = split_into_chunks(
        text, max_words=max_words, overlap_words=overlap_words, packs=packs
    )
    embeddings = await embedder.embed(contents) if contents else []
    note = Note(
        user_id=change.user_id,
        note_id=note_id,
        title=change.title or "",
        text=text,
        version=change.effective_version,
        changed_at=change.changed_at,
    )
    return note, build_chunks(note_id, contents, embeddings)
