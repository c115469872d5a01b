"""Import of many notes at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.local.change_messages import note_updated
from shared.errors import InvalidChangeError
from shared.notes.chunking import split_into_chunks
from shared.notes.sanitize import sanitize_text

if TYPE_CHECKING:
    from shared.container import Container
    from shared.notes.file_import import ImportedNote
    from shared.notes.messages.note_changed import NoteChanged

_BATCH = 32  # notes that are embedded together


@dataclass(frozen=True, slots=True)
class ImportResult:
    """Counts of notes, of written chunks, and of the user's dropped and retained cached answers.

    `unchanged` notes equal the stored ones and are skipped; `chunks` counts those of the others.
    """

    notes: int
    unchanged: int
    chunks: int
    dropped: int
    retained: int | None


def build_changes(user_id: str, notes: "Sequence[ImportedNote]") -> "list[NoteChanged]":
    """Build the change message of every note.

    Raises:
        InvalidChangeError: a title or a text is invalid; the message has the note's id.
    """
    changes = []
    for note in notes:
        try:
            changes.append(note_updated(user_id, note))
        except InvalidChangeError as error:
            raise InvalidChangeError(f"note {note.note_id!r}: {error}") from None
    return changes


async def import_notes(
    container: "Container",
    user_id: str,
    notes: "Sequence[ImportedNote]",
    progress: Callable[[int], None] = lambda _: None,
) -> ImportResult:
    """Apply a change for every note that differs from the stored one.

    `progress` is called with the number of notes that were processed since its last call.

    Raises:
        InvalidChangeError: a note is invalid; no note has been stored.
        UnavailableError: the store or Redis failed; repeat the import to complete it.
    """
    changes = build_changes(user_id, notes)
    stored = {
        note.note_id: (note.title, note.text) for note in await container.store.list_notes(user_id)
    }
    new = [
        change
        for change in changes
        if stored.get(change.note_id or "")
        != (sanitize_text(change.title or ""), sanitize_text(change.text or ""))
    ]
    progress(len(changes) - len(new))
    chunks = dropped = 0
    retained = None
    for start in range(0, len(new), _BATCH):
        batch = new[start : start + _BATCH]
        texts = [text for change in batch for text in _chunk_texts(container, change)]
        chunks += len(texts)
        # One large batch uses all processors; the caching embedder then serves each note.
        if texts:
            await container.embedder.embed(texts)
        for change in batch:
            outcome = await container.freshness.note_changed(change)
            dropped += outcome.dropped
            retained = outcome.retained
            progress(1)
    return ImportResult(len(changes), len(changes) - len(new), chunks, dropped, retained)


def _chunk_texts(container: "Container", change: "NoteChanged") -> list[str]:
    settings = container.settings
    return split_into_chunks(
        change.text or "",
        max_words=settings.chunk_words,
        overlap_words=settings.chunk_overlap_words,
        packs=container.vocabulary_packs,
    )
