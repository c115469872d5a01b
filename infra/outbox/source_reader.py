"""Reads the note of a record as it is now, as a message.

The present note is delivered, not the one of the record. The receiver ends with the same, and a
record holds no text. Two notes that exchange their ids in one statement are delivered as they are.
"""

import json
from typing import TYPE_CHECKING, Any

import asyncpg

from infra.outbox.install import quote
from infra.outbox.targets import RefusedError
from shared.notes.messages.note_changed import MAX_TITLE

if TYPE_CHECKING:
    from shared.notes.sql_store import Connection

_SOURCE = """
SELECT s.*, quote_ident(nspname) || '.' || quote_ident(relname) AS name,
    (SELECT format_type(atttypid, atttypmod) FROM pg_attribute
     WHERE attrelid = c.oid AND attname = user_column) AS user_type,
    (SELECT format_type(atttypid, atttypmod) FROM pg_attribute
     WHERE attrelid = c.oid AND attname = id_column) AS id_type,
    (SELECT typcategory = 'A' FROM pg_attribute JOIN pg_type AS t ON t.oid = atttypid
     WHERE attrelid = c.oid AND attname = tags_column) AS has_array
FROM tercet_outbox.sources AS s JOIN pg_class AS c ON c.oid = relation
JOIN pg_namespace AS n ON n.oid = relnamespace
WHERE s.id = $1
"""


_REMEDIES = {
    LookupError: "it was dropped, see uninstall --help",
    asyncpg.InsufficientPrivilegeError: "the relay's role must be its owner and see all rows",
}


class UnreadableError(Exception):
    """The table of a record was removed, altered, or is hidden from the relay's role."""

    def __init__(self, sequence: int, cause: Exception) -> None:
        kind = type(cause)
        remedy = _REMEDIES.get(kind, "install the outbox for it again")
        super().__init__(f"the table cannot be read: {remedy} ({kind.__name__})")
        self.sequence = sequence


class SourceReader:
    """Reads the notes of all installed tables. The statement of each table is kept."""

    def __init__(self) -> None:
        self._statements: dict[int, str] = {}

    async def read(self, connection: "Connection", record: Any) -> dict[str, Any]:
        """Return the message of a record, with the note as it is now.

        Raises:
            UnreadableError: the table cannot be read.
            RefusedError: the tags cannot be read.
        """
        source = record["source"]
        try:
            if source not in self._statements:
                self._statements[source] = await _statement(connection, source)
            key = (record["user_id"], record["note_id"])
            note = await connection.fetchrow(self._statements[source], *key)
        except (LookupError, asyncpg.PostgresError) as error:
            self._statements.pop(source, None)  # the table was altered, or installed again
            if isinstance(error, asyncpg.PostgresConnectionError):
                raise
            raise UnreadableError(record["sequence"], error) from error
        message = {
            "schema_version": 1,
            "user_id": record["user_id"],
            "note_id": record["note_id"],
            "operation": "deleted",
            "occurred_at": record["changed_at"].isoformat(),
            "sequence": record["sequence"],
        }
        if note is None:
            return message
        operation = "updated" if record["operation"] == "deleted" else record["operation"]
        message |= {"operation": operation, "title": note["title"][:MAX_TITLE]}
        message["text"] = note["text"]
        if note["tags"] is not None:
            message["tags"] = _parse_tags(note["tags"])
        return message


def _parse_tags(text: str) -> Any:
    try:
        tags = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RefusedError(f"the tags cannot be read ({type(error).__name__})") from error
    return [tag for tag in tags if tag is not None] if isinstance(tags, list) else tags


async def _statement(connection: "Connection", source: int) -> str:
    """Return the query for a note by the texts of its user and its id."""
    found = await connection.fetchrow(_SOURCE, source)
    if found is None:
        raise LookupError(source)
    columns = {name: quote(found[f"{name}_column"]) for name in ("user", "id", "title", "text")}
    tags = "NULL"
    if found["tags_column"]:
        as_texts = "::text[]" if found["has_array"] else ""  # an array may have numbers
        tags = f"to_jsonb({quote(found['tags_column'])}{as_texts})::text"
    # The typed comparison can use an index; the one of texts is exact for every type.
    return f"""
        SELECT coalesce({columns["title"]}::text, '') AS title,
            coalesce({columns["text"]}::text, '') AS text, {tags} AS tags
        FROM {found["name"]}
        WHERE {columns["user"]} = $1::text::{found["user_type"]}
        AND {columns["id"]} = $2::text::{found["id_type"]}
        AND {columns["user"]}::text = $1 AND {columns["id"]}::text = $2
    """  # noqa: S608 - quoted names
