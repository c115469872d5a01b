"""Note changes made on this machine, with the checks of queued messages."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from shared.errors import InvalidChangeError
from shared.notes.chunking.split import ChunkLimits, split_note
from shared.notes.messages.note_changed import NOT_A_MESSAGE, NoteChanged, parse_change
from shared.tags import normalize_note_tags

if TYPE_CHECKING:
    from shared.container import Container
    from shared.notes.files.file_import import ImportedNote
    from shared.notes.note import Note

_BATCH = 32  # notes that are embedded together


class ImportProgress:
    """Follows an import; this one ignores it."""

    def start(self, new: Sequence[NoteChanged], unchanged: int) -> None:
        """The `new` changes will be applied; `unchanged` notes equal the stored ones."""

    def add_embedded(self, changes: Sequence[NoteChanged]) -> None:
        """The chunks of a batch of changes were embedded."""

    def advance(self, change: NoteChanged) -> None:
        """A change was applied."""


@dataclass(frozen=True, slots=True)
class ImportResult:
    """Counts of notes, of written chunks, and of the user's dropped and retained cached answers.

    `unchanged` notes equal the stored ones and are skipped; `chunks` counts those of the others.
    `deleted` notes are in addition to `notes`.
    """

    notes: int
    unchanged: int
    deleted: int
    chunks: int
    dropped: int
    retained: int | None


def note_updated(user_id: str, note: "ImportedNote") -> NoteChanged:
    """Build the message for a note that was created or changed.

    Raises:
        InvalidChangeError: the id, the title or the text is invalid; the message has the id.
    """
    try:
        return _message(user_id, operation="updated", **note._asdict())
    except InvalidChangeError as error:
        reason = str(error).removeprefix(NOT_A_MESSAGE)
        raise InvalidChangeError(f"note {note.note_id!r}: {reason}") from None


def note_deleted(user_id: str, note_id: str) -> NoteChanged:
    """Build the message for a deleted note.

    Raises:
        InvalidChangeError: the id is invalid.
    """
    return _message(user_id, operation="deleted", note_id=note_id)


def all_changed(user_id: str) -> NoteChanged:
    """Build the message that drops all cached answers of a user."""
    return _message(user_id, operation="all_changed")


async def import_notes(
    container: "Container",
    user_id: str,
    changes: Sequence[NoteChanged],
    progress: ImportProgress | None = None,
    is_obsolete: Callable[[str], bool] = lambda _: False,
) -> ImportResult:
    """Apply the changes of a user's notes, without the notes that equal the stored ones.

    Stored notes for whose id `is_obsolete` returns True are deleted.

    Raises:
        UnavailableError: the store or Redis failed; repeat the import to complete it.
    """
    progress = progress or ImportProgress()
    stored = {note.note_id: note for note in await container.store.list_notes(user_id)}
    obsolete = [note_id for note_id in stored if is_obsolete(note_id)]
    new = [change for change in changes if not _equals(change, stored.get(change.note_id or ""))]
    unchanged = len(changes) - len(new)
    progress.start(new, unchanged)
    chunks = dropped = 0
    retained = None
    batches = [*(new[start : start + _BATCH] for start in range(0, len(new), _BATCH)), []]
    # A large batch uses all processors, while the one before is stored. The caching embedder then
    # serves each note.
    embedding = asyncio.create_task(_embed_chunks(container, batches[0]))
    try:
        for batch, following in pairwise(batches):
            chunks += await embedding
            progress.add_embedded(batch)
            embedding = asyncio.create_task(_embed_chunks(container, following))
            for change in batch:
                outcome = await container.freshness.note_changed(change)
                dropped += outcome.dropped
                retained = outcome.retained
                progress.advance(change)
    finally:
        embedding.cancel()
    for note_id in obsolete:
        outcome = await container.freshness.note_changed(note_deleted(user_id, note_id))
        dropped += outcome.dropped
        retained = outcome.retained
    return ImportResult(len(changes), unchanged, len(obsolete), chunks, dropped, retained)


async def _embed_chunks(container: "Container", changes: Sequence[NoteChanged]) -> int:
    """Embed the chunks of notes; return their number."""
    # In a thread: long notes take seconds, and Ctrl-C must not wait for them.
    texts = await asyncio.to_thread(_split, container, changes)
    if texts:
        await container.passage_embedder.embed(texts)
    return len(texts)


def _split(container: "Container", changes: Sequence[NoteChanged]) -> list[str]:
    limits, packs = ChunkLimits.of(container.settings), container.vocabulary_packs
    return [
        passage.embedded
        for change in changes
        for passage in split_note(change.title or "", change.text or "", limits, packs)
    ]


def _equals(change: NoteChanged, stored: "Note | None") -> bool:
    if stored is None or stored.tags != normalize_note_tags(change.tags or ()):
        return False
    return (stored.title, stored.text) == (change.title, change.text)


def _message(user_id: str, **fields: object) -> NoteChanged:
    now = datetime.now(UTC).isoformat()
    return parse_change({"user_id": user_id, "occurred_at": now, **fields})
