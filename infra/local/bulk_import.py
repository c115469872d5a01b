"""Many notes at once."""

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

_TOGETHER = 32


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did: `unchanged` notes were left alone; `chunks` are those of the others.

    `dropped` and `kept` count the user's cached answers.
    """

    notes: int
    unchanged: int
    chunks: int
    dropped: int
    kept: int | None


def changes(user_id: str, notes: "Sequence[ImportedNote]") -> "list[NoteChanged]":
    """Check every note, before the first is stored.

    Raises:
        InvalidChangeError: a title or text that no note may have; says of which note.
    """
    made = []
    for note in notes:
        try:
            made.append(note_updated(user_id, note))
        except InvalidChangeError as error:
            raise InvalidChangeError(f"note {note.note_id!r}: {error}") from None
    return made


async def import_notes(
    container: "Container",
    user_id: str,
    notes: "Sequence[ImportedNote]",
    progress: Callable[[int], None] = lambda _: None,
) -> Imported:
    """Publish every note that differs from what the store has.

    `progress` hears how many more notes are done.

    Raises:
        InvalidChangeError: as `changes`; nothing is stored then.
        UnavailableError: it could not be done whole; done again, it goes on where it stopped.
    """
    checked = changes(user_id, notes)
    stored = {
        note.note_id: (note.title, note.text) for note in await container.store.list_notes(user_id)
    }
    new = [
        change
        for change in checked
        if stored.get(change.note_id or "")
        != (sanitize_text(change.title or ""), sanitize_text(change.text or ""))
    ]
    progress(len(checked) - len(new))
    chunks = dropped = 0
    kept = None
    for start in range(0, len(new), _TOGETHER):
        group = new[start : start + _TOGETHER]
        contents = [content for change in group for content in _contents(container, change)]
        chunks += len(contents)
        # Together on all processors: the embedder remembers them for each note's turn.
        if contents:
            await container.embedder.embed(contents)
        for change in group:
            outcome = await container.freshness.note_changed(change)
            dropped += outcome.dropped
            kept = outcome.retained
            progress(1)
    return Imported(len(checked), len(checked) - len(new), chunks, dropped, kept)


def _contents(container: "Container", change: "NoteChanged") -> list[str]:
    settings = container.settings
    return split_into_chunks(
        change.text or "",
        max_words=settings.chunk_words,
        overlap_words=settings.chunk_overlap_words,
        packs=container.vocabulary_packs,
    )
