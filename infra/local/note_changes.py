"""Note changes made on this machine, with the checks of queued messages."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from shared.errors import InvalidChangeError
from shared.notes.chunking.split import ChunkLimits, split_note
from shared.notes.messages.note_changed import NoteChanged, parse_change
from shared.tags import normalize_note_tags

if TYPE_CHECKING:
    from shared.container import Container
    from shared.notes.files.file_import import ImportedNote
    from shared.notes.note import Note

_BATCH = 32  # notes that are embedded together


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
        raise InvalidChangeError(f"note {note.note_id!r}: {error}") from None


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
    progress: Callable[[int], None] = lambda _: None,
    is_obsolete: Callable[[str], bool] = lambda _: False,
) -> ImportResult:
    """Apply the changes of a user's notes, without the notes that equal the stored ones.

    `progress` is called with the number of notes that were processed since its last call. Stored
    notes for whose id `is_obsolete` returns True are deleted.

    Raises:
        UnavailableError: the store or Redis failed; repeat the import to complete it.
    """
    limits = ChunkLimits.of(container.settings)
    stored = {note.note_id: note for note in await container.store.list_notes(user_id)}
    obsolete = [note_id for note_id in stored if is_obsolete(note_id)]
    new = [change for change in changes if not _equals(change, stored.get(change.note_id or ""))]
    progress(len(changes) - len(new))
    chunks = dropped = 0
    retained = None
    for start in range(0, len(new), _BATCH):
        batch = new[start : start + _BATCH]
        texts = [
            passage.embedded
            for change in batch
            for passage in split_note(
                change.title or "",
                change.text or "",
                limits,
                container.vocabulary_packs,
            )
        ]
        chunks += len(texts)
        # One large batch uses all processors; the caching embedder then serves each note.
        if texts:
            await container.passage_embedder.embed(texts)
        for change in batch:
            outcome = await container.freshness.note_changed(change)
            dropped += outcome.dropped
            retained = outcome.retained
            progress(1)
    for note_id in obsolete:
        outcome = await container.freshness.note_changed(note_deleted(user_id, note_id))
        dropped += outcome.dropped
        retained = outcome.retained
    unchanged = len(changes) - len(new)
    return ImportResult(len(changes), unchanged, len(obsolete), chunks, dropped, retained)


def _equals(change: NoteChanged, stored: "Note | None") -> bool:
    if stored is None or stored.tags != normalize_note_tags(change.tags or ()):
        return False
    return (stored.title, stored.text) == (change.title, change.text)


def _message(user_id: str, **fields: object) -> NoteChanged:
    now = datetime.now(UTC).isoformat()
    return parse_change({"user_id": user_id, "occurred_at": now, **fields})
