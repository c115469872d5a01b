"""Use case: apply a note change. Functions are in call order.

When `note_changed` has returned, or raised `NoteNotEmbeddedError`, no later question is answered
from the note's former text. Only answers that the change may affect are dropped, unless Redis or
the note store cannot be read.
"""

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shared.cache.index_entries import PENDING
from shared.cache.keyspace import note_key
from shared.cache.pending_questions import has_pending
from shared.cache.source_digests import note_digest, text_digest
from shared.errors import NoteNotEmbeddedError, StoreUnavailableError, UnavailableError
from shared.notes.messages.note_changed import NOTE_OPERATIONS, Operation, note_of
from shared.notes.note import Note
from shared.notes.version_order import latest_plausible, now
from shared.observability.timings import timed
from shared.tags import searches
from shared.vectors import cosines, from_bytes, stack

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from shared.cache.index_entries import Entry
    from shared.cache.invalidation import Invalidation
    from shared.cache.pending_questions import WarmingRequests
    from shared.notes.messages.note_changed import NoteChanged
    from shared.notes.note import Chunk
    from shared.notes.store import NoteStore
    from shared.vectors import Matrix

EPSILON = 1e-6
"""Largest difference between the store's cosine (`Entry.lowest_similarity`) and the one computed
here for the same pair of vectors.
PostgreSQL returns 1 - (1 - cosine); both are exact otherwise (`vectors.py`)."""

_MAX_SOURCES = 50  # as RETRIEVED_CHUNKS

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NoteChangeResult:
    """The effect of one note change.

    `stored`: False if the store has a newer version, or still has notes of a deleted user.
    `is_future`: whether the change's time was in the future and replaced by this machine's.
    `dropped` and `retained`: numbers of cached
    answers.
    `precise`: False if the note could not be read, so that all answers were dropped. `lag_ms`: age
    of the change when it was applied, in milliseconds.
    """

    stored: bool
    dropped: int
    retained: int
    precise: bool = True
    lag_ms: int = 0
    is_future: bool = False


class Freshness:
    """Applies note changes to the note store and the cache."""

    def __init__(
        self,
        *,
        invalidation: "Invalidation",
        store: "NoteStore",
        chunk_and_embed: "Callable[[Note], Awaitable[Sequence[Chunk]]]",
        embedding_name: str,
        warming: "WarmingRequests | None" = None,
    ) -> None:
        """`chunk_and_embed` is as in `ingest.py`; `embedding_name` is as in `PipelineId`.

        Without `warming` no dropped question is asked again.
        """
        self._warming = warming
        self._invalidation = invalidation
        self._store = store
        self._chunk_and_embed = chunk_and_embed
        self._embedding_name = embedding_name

    async def note_changed(
        self, change: "NoteChanged", *, replaces: int | None = None
    ) -> NoteChangeResult:
        """Apply a change. It may be repeated, and changes may arrive in any order.

        With `replaces`, the change of a note is only stored in place of the version of that time,
        in microseconds since 1970 UTC; 0 is the absence of the note.

        Raises:
            CacheUnavailableError, StoreUnavailableError, NoteNotEmbeddedError: the change is
                incomplete, so the message must be delivered again.
        """
        if is_future := change.changed_at > latest_plausible():
            _log.warning(
                "the time of a note change is more than five minutes ahead: this machine's is used",
                extra={"log_fields": {"fields": ["occurred_at"]}},
            )
            change = change.at(now())
        user_id, note_id = change.user_id, change.note_id or ""
        stored, failure = await self._write(change, replaces)
        if change.operation in NOTE_OPERATIONS:
            result = await self._drop_affected(user_id, note_id, change.changed_at, stored=stored)
        else:
            index = await self._rotate_fence(user_id)
            with timed("delete_user"):
                lag_ms = _lag_ms(change.changed_at)
                is_deleted = change.operation is Operation.USER_DELETED
                await self._invalidation.delete_user(user_id, refusals=is_deleted, lag_ms=lag_ms)
            result = NoteChangeResult(stored, _count_answers(index, index), 0, lag_ms=lag_ms)
        await self._invalidation.count(
            user_id,
            note_changes_not_stored=int(not stored),
            note_changes_from_future=int(is_future),
        )
        if failure:
            raise failure
        return replace(result, is_future=is_future)

    async def reembed(self, note: Note) -> bool:
        """Embed a stored note again. Return False if it has changed: then nothing is done.

        Raises:
            InferenceError: the text could not be embedded, and nothing is done.
            CacheUnavailableError, StoreUnavailableError: it is not complete; it may be repeated.
        """
        return await self._replace_chunks(note, await self._chunk_and_embed(note))

    async def remove_chunks(self, note: Note) -> bool:
        """Remove the chunks of a stored note that cannot be embedded; otherwise as `reembed`."""
        return await self._replace_chunks(note, None)

    async def _replace_chunks(self, note: Note, chunks: "Sequence[Chunk] | None") -> bool:
        await self._rotate_fence(note.user_id)  # fails before the note is changed
        stored = await self._store.update_chunks(note, chunks)
        if stored:
            try:
                await self._drop_affected(note.user_id, note.note_id, now(), stored=True)
            except BaseException:
                # Without chunks the note is still outdated, so that the next run repeats this.
                await self._store.update_chunks(note, None)
                raise
        return stored

    async def _rotate_fence(self, user_id: str) -> "Mapping[str, Entry | None]":
        """Rotate the fence: answers that are being generated now cannot be stored after this."""
        with timed("rotate_fence"):
            return await self._invalidation.rotate_fence(user_id)

    async def _drop_affected(
        self, user_id: str, note_id: str, changed_at: int, *, stored: bool
    ) -> NoteChangeResult:
        index = await self._rotate_fence(user_id)
        # Read the note's current chunks, not the message's: messages may be late or repeated.
        chunks: Sequence[Chunk] | None
        try:
            with timed("read_note"):
                chunks = await self._store.get_chunks(user_id, note_id)
        except StoreUnavailableError:
            chunks = None

        with timed("drop_entries"):
            fields = self._affected_fields(note_id, chunks, index)
            lag_ms = _lag_ms(changed_at)
            pending = self._warming.policy.select(index, fields) if self._warming else {}
            fence = await self._invalidation.drop_entries(
                user_id, fields, lag_ms=lag_ms, pending=pending
            )
        if self._warming and fence and (pending or has_pending(index)):
            with timed("request_warming"):
                await self._warming.send(user_id, fence)
        dropped = _count_answers(index, fields)
        retained = _count_answers(index, index) - dropped
        return NoteChangeResult(stored, dropped, retained, chunks is not None, lag_ms)

    async def _write(
        self, change: "NoteChanged", replaces: int | None
    ) -> tuple[bool, Exception | None]:
        """Write the change to the store.

        Returns `NoteChangeResult.stored`. The second value is the error if the note was stored
        without chunks.
        """
        if change.operation is Operation.USER_DELETED:
            with timed("write_note"):
                stored = await self._store.delete_user(change.user_id, changed_at=change.changed_at)
            return stored, None
        if change.operation is Operation.DELETED:
            with timed("write_note"):
                stored = await self._store.delete_note(
                    change.user_id,
                    change.note_id or "",
                    version=change.effective_version,
                    changed_at=change.changed_at,
                    sequence=change.sequence,
                    replaces=replaces,
                )
            return stored, None
        if change.text is None:
            return True, None  # the sender has written the store
        note = note_of(change)
        chunks, failure = None, None
        try:
            with timed("ingest"):
                chunks = await self._chunk_and_embed(note)
        except Exception as error:
            failure = _not_embedded(error)
        with timed("write_note"):
            stored = await self._store.replace_note(note, chunks, replaces=replaces)
        # Not stored: the store has a newer version, or this one with its chunks.
        return stored, failure if stored else None

    def _affected_fields(
        self, note_id: str, chunks: "Sequence[Chunk] | None", index: "Mapping[str, Entry | None]"
    ) -> set[str]:
        """Return the questions whose search may now have another result.

        `chunks` are the note's. None means that they could not be read: all questions are affected.
        A pending question has no result.
        """
        index = {
            field: entry for field, entry in index.items() if entry is None or entry.kind != PENDING
        }
        if chunks is None:
            return set(index)
        key = note_key(note_id)
        tags = chunks[0].tags if chunks else ()
        digests = [text_digest(chunk) for chunk in chunks]
        vectors = stack([chunk.embedding for chunk in chunks]) if chunks else None
        affected = {
            field
            for field, entry in index.items()
            if entry is None
            or self._is_affected(
                entry, key, digests, vectors if searches(entry.tags, tags) else None
            )
        }
        return affected | {
            field for field, entry in index.items() if entry and entry.target in affected
        }

    def _is_affected(
        self, entry: "Entry", key: bytes, digests: "Sequence[bytes]", vectors: "Matrix | None"
    ) -> bool:
        """Whether the entry's sources of the changed note are no longer what a search returns.

        `key` is the note's, `digests` and `vectors` are its chunks'. `vectors` is None if there are
        none, or none that the entry's tags let a search find.
        """
        if not entry.pipeline.startswith(self._embedding_name):
            return True  # the vectors of two models cannot be compared
        former = entry.note_digests.get(key)
        if vectors is None:
            return former is not None
        if len(entry.vector) != vectors.shape[1]:
            return True  # the model's dimensions were changed
        similarities = cosines(from_bytes(entry.vector), vectors)
        (found,) = (similarities >= entry.lowest_similarity - EPSILON).nonzero()
        if former is None or found.size > _MAX_SOURCES:
            return found.size > 0
        return former != note_digest(
            (digests[at], float(similarities[at])) for at in found.tolist()
        )


def _not_embedded(error: Exception) -> Exception:
    """Return the error to raise after the former text was removed."""
    if not isinstance(error, UnavailableError):
        return error
    failure = NoteNotEmbeddedError(
        "the note's new text could not be embedded, and its former text answers no question."
        f" {error}",
        retry_after=error.retry_after,
    )
    failure.__cause__ = error
    return failure


def _count_answers(index: "Mapping[str, Entry | None]", fields: "Iterable[str]") -> int:
    """Count the answers among entries; an unreadable entry counts as one."""
    entries = (index[field] for field in fields)
    return sum(entry is None or entry.is_answer for entry in entries)


def _lag_ms(changed_at: int) -> int:
    """Return the milliseconds since the note changed, by this machine's clock and the sender's."""
    return max(0, (now() - changed_at) // 1_000)
