"""What SQL databases store of the order of a note's changes."""

from collections.abc import Callable
from typing import Any

from shared.notes.sanitize import require_id
from shared.notes.version_order import Order, VersionState, user_digest
from shared.tags import Tags

_ORDER = """
SELECT version, changed_at, sequence, tags, title, text FROM notes
WHERE (user_id, note_id) = ($1, $2)
UNION ALL
SELECT version, changed_at, sequence, NULL, NULL, NULL FROM deleted_notes
WHERE (user_id, note_id) = ($1, $2)
"""

_USER_DELETED_AT = "SELECT changed_at FROM deleted_users WHERE user_digest = $1"


async def read_version_state(
    connection: Any, user_id: str, note_id: str, tags_from_row: Callable[[Any], Tags]
) -> VersionState:
    """Read the order of what is stored of a note, and of its user's deletion.

    `tags_from_row` returns tags that were read.

    Raises:
        InvalidRequestError: the id of the note is invalid.
    """
    require_id("note_id", note_id)
    order = None
    for *numbers, tags, title, text in await connection.fetch(_ORDER, user_id, note_id):
        version, at, sequence = numbers
        content = None if text is None else (title, text, tags_from_row(tags))
        order = Order(version, at, content, sequence)
    deletions = await connection.fetch(_USER_DELETED_AT, user_digest(user_id))
    return VersionState(order, *(row[0] for row in deletions))


async def delete_rows(connection: Any, user_id: str, note_id: str) -> None:
    """Delete a note with its chunks, and its tombstone."""
    for table in ("notes", "deleted_notes"):
        delete = f"DELETE FROM {table} WHERE user_id = $1 AND note_id = $2"  # noqa: S608 - a name above
        await connection.execute(delete, user_id, note_id)
