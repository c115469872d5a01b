"""Serialization of notes, and their entity tags."""

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from shared.tags import join_tags

if TYPE_CHECKING:
    from functions.notes.schemas import NotePage, NoteSummary, StoredNote
    from shared.notes.note import Note


def changed_at(note: "Note") -> datetime:
    """Return the time of a note's last change."""
    return datetime.fromtimestamp(note.changed_at / 1_000_000, UTC)


def note_to_json(note: "Note") -> "StoredNote":
    """Return a note as JSON values."""
    return {**_summary(note), "text": note.text}


def page_to_json(notes: "list[Note]", *, limit: int) -> "NotePage":
    """Return one page; `notes` has one more than `limit` if there is another page."""
    shown = notes[:limit]
    more = len(notes) > limit
    return {
        "notes": [_summary(note) for note in shown],
        "next_cursor": shown[-1].note_id if more else None,
    }


def entity_tag(note: "Note") -> str:
    """Return a strong entity tag (RFC 9110, section 8.8.3): it differs for each change."""
    numbers = str(note.version), str(note.changed_at)
    text = "\0".join((*numbers, note.title, note.text, join_tags(note.tags)))
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def _summary(note: "Note") -> "NoteSummary":
    return {
        "note_id": note.note_id,
        "title": note.title,
        "tags": list(note.tags),
        "version": note.version,
        "changed_at": changed_at(note).isoformat(),
    }
