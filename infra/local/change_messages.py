"""Note changes from the command line: the same message, through the same door, as a queue's."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from shared.notes.messages.note_changed import NoteChanged, Operation, parse_change

if TYPE_CHECKING:
    from shared.notes.file_import import ImportedNote


def note_updated(user_id: str, note: "ImportedNote") -> NoteChanged:
    """Say that a note is now as it is here.

    Raises:
        InvalidChangeError: a title or text that no note may have.
    """
    return _change(user_id, note.note_id, Operation.UPDATED, title=note.title, text=note.text)


def note_deleted(user_id: str, note_id: str) -> NoteChanged:
    """Say that a note is gone.

    Raises:
        InvalidChangeError: an id that no note may have.
    """
    return _change(user_id, note_id, Operation.DELETED)


def _change(user_id: str, note_id: str, operation: Operation, **fields: str) -> NoteChanged:
    message = {
        "user_id": user_id,
        "note_id": note_id,
        "operation": operation,
        "occurred_at": datetime.now(UTC).isoformat(),
    }
    return parse_change(message | fields)
