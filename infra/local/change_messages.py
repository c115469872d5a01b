"""Note change messages for changes made on this machine, with the checks of queued messages."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from shared.notes.messages.note_changed import NoteChanged, Operation, parse_change

if TYPE_CHECKING:
    from shared.notes.file_import import ImportedNote


def note_updated(user_id: str, note: "ImportedNote") -> NoteChanged:
    """Build the message for a note that was created or changed.

    Raises:
        InvalidChangeError: the id, the title or the text is invalid.
    """
    return _message(user_id, note.note_id, Operation.UPDATED, title=note.title, text=note.text)


def note_deleted(user_id: str, note_id: str) -> NoteChanged:
    """Build the message for a deleted note.

    Raises:
        InvalidChangeError: the id is invalid.
    """
    return _message(user_id, note_id, Operation.DELETED)


def _message(user_id: str, note_id: str, operation: Operation, **fields: str) -> NoteChanged:
    return parse_change(
        {
            "user_id": user_id,
            "note_id": note_id,
            "operation": operation,
            "occurred_at": datetime.now(UTC).isoformat(),
            **fields,
        }
    )
