"""One note change's whole way, read from top to bottom.

Once `note_changed` has returned, no question asked from then on is answered from what the note
said before; and every answer that the change cannot have touched is still there, unless Redis or
the notes do not say what that is.
"""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.cache.keyspace import note_tag
from shared.errors import StoreUnavailableError
from shared.notes.messages.note_changed import NOTE_OPERATIONS, Operation
from shared.observability.timings import timed
from shared.vectors import cosines, from_bytes, stack

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from shared.cache.index_entries import Entry
    from shared.cache.invalidation import Invalidation
    from shared.notes.messages.note_changed import NoteChanged
    from shared.notes.note import Chunk, Note
    from shared.notes.store import NoteStore
    from shared.vectors import Matrix

EPSILON = 1e-6
"""How far two computations of one cosine may lie apart: the store's, kept as an entry's `least`,
and ours. PostgreSQL gives 1 - (1 - cosine); both are otherwise exact (`vectors.py`)."""

_LOOKS = 3
"""How often what is left is looked for before all of a user's cache goes."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a change did: whether the store took it, and how many answers went and stayed.

    `exact` is False where the notes could not be read, so that every answer had to go. `lag_ms` is
    how long ago the note had changed when that was known, in milliseconds.
    """

    applied: bool
    dropped: int
    kept: int
    exact: bool = True
    lag_ms: int = 0


class Freshness:
    """Keeps cached answers true while notes change."""

    def __init__(
        self,
        *,
        invalidation: "Invalidation",
        store: "NoteStore",
        chunk_and_embed: "Callable[[NoteChanged], Awaitable[tuple[Note, Sequence[Chunk]]]]",
        embedding_name: str,
    ) -> None:
        """`chunk_and_embed` is `NoteIngester`'s; `embedding_name` is as in `Pipeline`."""
        self._invalidation = invalidation
        self._store = store
        self._chunk_and_embed = chunk_and_embed
        self._embedding_name = embedding_name

    async def note_changed(self, change: "NoteChanged") -> Outcome:
        """Make a change true for every question asked from now on; safe to repeat in any order.

        Raises:
            CacheUnavailableError, StoreUnavailableError, InferenceError: it could not be done
                whole; the message must come again.
        """
        user_id = change.user_id
        applied = await self._write(change)
        if change.operation not in NOTE_OPERATIONS:
            with timed("rotate_fence"):
                index = await self._invalidation.rotate_fence(user_id)
            with timed("delete_user"):
                lag = _lag(change)
                await self._invalidation.delete_user(user_id, lag=lag)
            return Outcome(applied, dropped=_answers(index, index), kept=0, lag_ms=lag)

        # From here on, what is being generated now will not be stored.
        with timed("rotate_fence"):
            index = await self._invalidation.rotate_fence(user_id)
        chunks: Sequence[Chunk] | None
        try:
            # As they are *now*: so neither order nor repetition of messages matters.
            with timed("read_note"):
                chunks = await self._store.get_chunks(user_id, change.note_id or "")
        except StoreUnavailableError:
            chunks = None
        with timed("drop_entries"):
            fields, lag = self._touched(change.note_id or "", chunks, index), _lag(change)
            if not await self._invalidation.drop_entries(user_id, fields, lag=lag):
                await self._drop_what_is_left(change, chunks)
        dropped = _answers(index, fields)
        kept = _answers(index, index) - dropped
        return Outcome(applied, dropped, kept, exact=chunks is not None, lag_ms=lag)

    async def _drop_what_is_left(
        self, change: "NoteChanged", chunks: "Sequence[Chunk] | None"
    ) -> None:
        """Look again: somebody else was faster, or a name came garbled, from Redis or to it."""
        for _ in range(_LOOKS):
            index = await self._invalidation.rotate_fence(change.user_id)
            fields = self._touched(change.note_id or "", chunks, index)
            if await self._invalidation.drop_entries(change.user_id, fields, lag=None):
                return
        await self._invalidation.delete_user(change.user_id, lag=None)

    async def _write(self, change: "NoteChanged") -> bool:
        """Bring the store up to date, unless the note's owner has done so."""
        if change.operation is Operation.USER_DELETED:
            with timed("write_note"):
                await self._store.delete_user(change.user_id, changed_at=change.changed_at)
            return True
        if change.operation is Operation.DELETED:
            with timed("write_note"):
                return await self._store.delete_note(
                    change.user_id,
                    change.note_id or "",
                    version=change.effective_version,
                    changed_at=change.changed_at,
                )
        if change.text is not None:
            with timed("ingest"):
                note, chunks = await self._chunk_and_embed(change)
            with timed("write_note"):
                return await self._store.replace_note(note, chunks)
        return True

    def _touched(
        self, note_id: str, chunks: "Sequence[Chunk] | None", index: "Mapping[str, Entry | None]"
    ) -> set[str]:
        """Name the questions whose search could now find something else than it did.

        All of them, where nobody knows what the note says now.
        """
        if chunks is None:
            return set(index)
        tag = note_tag(note_id)
        rows = stack([chunk.embedding for chunk in chunks]) if chunks else None
        touched = {
            field
            for field, entry in index.items()
            if entry is None or self._is_touched(entry, tag, rows)
        }
        aliases = {f for f, entry in index.items() if entry and entry.target in touched}
        return touched | aliases

    def _is_touched(self, entry: "Entry", tag: bytes, rows: "Matrix | None") -> bool:
        if not entry.pipeline.startswith(self._embedding_name):
            return True  # its vector cannot be compared with these
        if tag in entry.notes:
            return True
        if rows is None:
            return False
        if len(entry.vector) != rows.shape[1]:
            return True  # the model was given other dimensions since
        if not entry.full:
            return True  # the search took all there was, and now there is more
        nearest = cosines(from_bytes(entry.vector), rows).max()
        return bool(nearest >= entry.least - EPSILON)


def _answers(index: "Mapping[str, Entry | None]", fields: "Iterable[str]") -> int:
    """Count answers among entries; one that cannot be read may have been one."""
    entries = (index[field] for field in fields)
    return sum(entry is None or entry.is_answer for entry in entries)


def _lag(change: "NoteChanged") -> int:
    """Milliseconds since the note changed, by this machine's clock and its owner's."""
    return max(0, time.time_ns() // 1_000_000 - change.changed_at // 1_000)
