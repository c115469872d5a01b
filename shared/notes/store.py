"""The protocol of note stores.

`sqlite.py` and `postgres/store.py` implement it, and one contract test suite checks both.
`version_order.py` decides which of two changes of a note counts.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from shared.notes.note import Chunk, Note, Source
    from shared.tags import Tags
    from shared.vectors import Vector


ALL_NOTES = 2**31 - 1
"""The default limit of `list_notes`."""


class NoteStore(Protocol):
    """Stores users' notes and their chunks with embeddings.

    Every method raises `StoreUnavailableError` if the store does not respond, and
    `InvalidRequestError` for an id that `sanitize.require_id` rejects. Every write is one
    transaction. Texts are stored as `sanitize.sanitize_text` returns them.

    A store has the embedding profile of the settings, and stores it with the chunks that it writes.
    Chunks that another program wrote have an unknown profile: it counts as this one while the
    dimensions agree.
    """

    async def search(
        self, user_id: str, embedding: "Vector", k: int, tags: "Tags" = ()
    ) -> list["Source"]:
        """Return the user's `k` chunks of highest cosine, highest first, ties by chunk id.

        With `tags`, only notes that have at least one of them are searched. The search is exact.
        Fewer than `k` chunks are returned only if there are fewer in these notes.

        Raises:
            ReembeddingRequiredError: the user has chunks of another profile, or of other
                dimensions.
        """
        ...

    async def get_chunks(self, user_id: str, note_id: str) -> list["Chunk"]:
        """Return a note's chunks in the note's order; empty if the note does not exist."""
        ...

    async def replace_note(
        self, note: "Note", chunks: Sequence["Chunk"] | None, *, replaces: int | None = None
    ) -> bool:
        """Store a note and its chunks in place of the stored version.

        `chunks` is None if the text could not be embedded: then the note has no chunks.

        Returns False and changes nothing if the store has a newer version of the note, its
        deletion at the same or a newer version, the deletion of its user at `changed_at` or later,
        or, without chunks, the same version, title, text and tags with its chunks.
        `version_order.Order` documents which change is newer.

        With `replaces`, False is also returned unless the stored note has this `changed_at`; 0 is
        the absence of the note.
        """
        ...

    async def update_chunks(self, note: "Note", chunks: Sequence["Chunk"] | None) -> bool:
        """Replace the chunks of a stored note; None is as in `replace_note`.

        Returns False and changes nothing if the version, title or text of the note has changed.
        """
        ...

    async def count_outdated(self) -> int:
        """Count the notes of all users that `list_outdated` returns."""
        ...

    async def list_outdated(self, after: tuple[str, str], limit: int) -> list["Note"]:
        """Return notes of all users that must be embedded again, by user and note id.

        These are notes with chunks of another profile, and notes that were stored without chunks
        because they could not be embedded. Chunks of an unknown profile are not included.

        Args:
            after: the ids of a user and a note; only later ones are returned.
            limit: the maximum number of notes.
        """
        ...

    async def delete_note(
        self,
        user_id: str,
        note_id: str,
        *,
        version: int,
        changed_at: int,
        sequence: int | None = None,
        replaces: int | None = None,
    ) -> bool:
        """Delete a note and store a tombstone, so that a late message does not restore it.

        Returns False and changes nothing if the store has a newer version of the note, or another
        one than `replaces`, as in `replace_note`.
        """
        ...

    async def delete_user(self, user_id: str, *, changed_at: int) -> bool:
        """Delete a user's notes, and store only a hash of the user's id and the time.

        Notes changed after `changed_at` are not deleted: they belong to a new account with the same
        id. So the order of messages does not matter. Notes with a time in the future are deleted.

        Returns whether nothing of the user is left.
        """
        ...

    async def get_note(self, user_id: str, note_id: str) -> "Note | None":
        """Return one note, or None."""
        ...

    async def list_notes(
        self, user_id: str, *, after: str = "", limit: int = ALL_NOTES
    ) -> list["Note"]:
        """Return a user's notes with a later id than `after`, ordered by note id.

        The database decides the order of ids. `limit` is the maximum number of notes.
        """
        ...

    async def ping(self) -> None:
        """Return if the store responds and has no note of another profile.

        Raises:
            ReembeddingRequiredError: it has one.
        """
        ...

    async def aclose(self) -> None:
        """Close every connection; the next call opens new ones."""
        ...
