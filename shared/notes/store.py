"""The port: what Tercet asks of whatever keeps the notes.

`postgres.py` and `sqlite.py` implement it, and one contract suite holds both to it. Which of two
changes stands is decided in `versions.py`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from shared.notes.note import Chunk, Note, Source
    from shared.vectors import Vector


class NoteStore(Protocol):
    """Users' notes, cut into chunks with their embeddings.

    Every method raises `StoreUnavailableError` where the store does not answer, and
    `InvalidRequestError` for an id that cannot be stored (`sanitize.require_id`). Every write is
    one transaction. Texts are stored as `sanitize.sanitize_text` returns them.
    """

    async def search(self, user_id: str, embedding: "Vector", k: int) -> list["Source"]:
        """Find this user's `k` chunks of highest cosine, highest first, ties by chunk id.

        The search is exact; fewer than `k` come back only where the user has fewer chunks.
        """
        ...

    async def get_chunks(self, user_id: str, note_id: str) -> list["Chunk"]:
        """Read a note's chunks as they are now, in the note's order; none if it is not there."""
        ...

    async def replace_note(self, note: "Note", chunks: Sequence["Chunk"]) -> bool:
        """Put the note in place of what the store has of it.

        Returns False, and changes nothing, where the store knows better: a newer version of the
        note, its deletion at the same or a newer version, or the deletion of its user at the
        same time as the note's change or later.
        """
        ...

    async def delete_note(
        self, user_id: str, note_id: str, *, version: int, changed_at: int
    ) -> bool:
        """Delete a note and remember that it was, so that a late message brings nothing back.

        Returns False, and changes nothing, where the store has a newer version of the note.
        """
        ...

    async def delete_user(self, user_id: str, *, changed_at: int) -> None:
        """Delete all of a user's notes, and remember only a hash of who it was, and when.

        Notes that changed after `changed_at`, of an account made anew, stay: so the order of
        messages does not matter.
        """
        ...

    async def get_note(self, user_id: str, note_id: str) -> "Note | None":
        """Read one note."""
        ...

    async def list_notes(self, user_id: str) -> list["Note"]:
        """Read all of a user's notes, by note id."""
        ...

    async def ping(self) -> None:
        """Come back if the store answers; nobody's notes are read."""
        ...

    async def aclose(self) -> None:
        """Close every connection; the next call opens new ones."""
        ...
