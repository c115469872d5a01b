"""From the text in a message to a note that can be searched."""

from typing import TYPE_CHECKING

from shared.notes.chunking import split, to_chunks
from shared.notes.note import Note

if TYPE_CHECKING:
    from shared.inference.ports import Embedder
    from shared.notes.messages.note_changed import NoteChanged
    from shared.notes.note import Chunk


class Preparer:
    """Cuts notes into chunks and embeds them."""

    def __init__(self, embedder: "Embedder", *, words: int, overlap: int) -> None:
        """`words` of a chunk, `overlap` of them again from the chunk before."""
        self._embedder = embedder
        self._words = words
        self._overlap = overlap

    async def prepare(self, change: "NoteChanged") -> "tuple[Note, list[Chunk]]":
        """Make the note that a message brings, with its chunks.

        Raises:
            InferenceError: the chunks could not be embedded.
        """
        text, note_id = change.text or "", change.note_id or ""
        contents = split(text, words=self._words, overlap=self._overlap)
        embeddings = await self._embedder.embed(contents) if contents else []
        note = Note(
            user_id=change.user_id,
            note_id=note_id,
            title=change.title or "",
            text=text,
            version=change.order,
            changed_at=change.changed_at,
        )
        return note, to_chunks(note_id, contents, embeddings)
