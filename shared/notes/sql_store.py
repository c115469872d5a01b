"""What the note stores in SQL databases have in common: the writes and most reads.

The statements number their parameters as asyncpg does (`$1`).
"""
# ruff: noqa: D102 - `NoteStore` documents the methods

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from shared.notes.note import Chunk, Note
from shared.notes.sanitize import require_id, sanitize_text
from shared.notes.store import NoteStore
from shared.notes.version_order import VersionState, user_digest
from shared.vectors import Vector

T = TypeVar("T")
Connection = Any
"""asyncpg's connection, which ships no types, or one with its `execute`, `executemany`, `fetch`."""

_NOTES = "SELECT user_id, note_id, title, text, version, changed_at FROM notes WHERE user_id = $1"

_VERSION_STATE = """
SELECT (SELECT version FROM notes WHERE user_id = $1 AND note_id = $2),
       (SELECT version FROM deleted_notes WHERE user_id = $1 AND note_id = $2),
       (SELECT changed_at FROM deleted_users WHERE user_digest = $3)
"""

_INSERT_NOTE = """
INSERT INTO notes (user_id, note_id, title, text, version, changed_at)
VALUES ($1, $2, $3, $4, $5, $6)
"""

_INSERT_CHUNK = """
INSERT INTO chunks (user_id, note_id, ordinal, chunk_id, content, embedding)
VALUES ($1, $2, $3, $4, $5, {parameter})
"""

_INSERT_TOMBSTONE = """
INSERT INTO deleted_notes (user_id, note_id, version, changed_at, deleted_at)
VALUES ($1, $2, $3, $4, {now})
"""

_INSERT_DELETED_USER = """
INSERT INTO deleted_users AS stored (user_digest, changed_at, deleted_at) VALUES ($1, $2, {now})
ON CONFLICT (user_digest) DO UPDATE SET deleted_at = excluded.deleted_at, changed_at =
CASE WHEN stored.changed_at > excluded.changed_at
THEN stored.changed_at ELSE excluded.changed_at END
"""


class SQLNoteStore(NoteStore):
    """A `NoteStore` without the search, the connections and the dialect of one database."""

    NOW: str
    """Expression for the current time."""

    PURGE: str
    """Statement that deletes the rows of `{table}` that are at least `$1` seconds old."""

    READ_EMBEDDING = "embedding"
    EMBEDDING_PARAMETER = "$6"
    """Expressions for an embedding that is read, and for one that is the sixth parameter."""

    def __init__(self, *, tombstone_seconds: float) -> None:
        self._tombstone_seconds = tombstone_seconds

    @abstractmethod
    async def run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run `work` with a connection."""

    @abstractmethod
    async def run_transaction(self, user_id: str, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run `work` in a transaction, one at a time for each user."""

    @abstractmethod
    def embedding_to_parameter(self, embedding: Vector) -> Any:
        """Return an embedding as a parameter of a statement."""

    @abstractmethod
    def embedding_from_row(self, embedding: Any) -> Vector:
        """Return an embedding that was read."""

    async def get_chunks(self, user_id: str, note_id: str) -> list[Chunk]:
        statement = f"""
            SELECT chunk_id, content, {self.READ_EMBEDDING} FROM chunks
            WHERE user_id = $1 AND note_id = $2 ORDER BY ordinal
        """  # noqa: S608 - a constant
        rows = await self._fetch(statement, user_id=user_id, note_id=note_id)
        return [
            Chunk(chunk_id, note_id, content, self.embedding_from_row(embedding))
            for chunk_id, content, embedding in rows
        ]

    async def replace_note(self, note: Note, chunks: Sequence[Chunk]) -> bool:
        key = (note.user_id, note.note_id)
        title, text = sanitize_text(note.title), sanitize_text(note.text)
        rows = [
            (
                *key,
                ordinal,
                c.chunk_id,
                sanitize_text(c.content),
                self.embedding_to_parameter(c.embedding),
            )
            for ordinal, c in enumerate(chunks)
        ]
        insert_chunk = _INSERT_CHUNK.format(parameter=self.EMBEDDING_PARAMETER)

        async def replace(connection: Connection) -> bool:
            state = await _read_version_state(connection, *key)
            if not state.accepts_note(note.version, note.changed_at):
                return False
            await _delete_rows(connection, *key)
            await connection.execute(_INSERT_NOTE, *key, title, text, note.version, note.changed_at)
            await connection.executemany(insert_chunk, rows)
            return True

        return await self._write(note.user_id, replace)

    async def delete_note(
        self, user_id: str, note_id: str, *, version: int, changed_at: int
    ) -> bool:
        async def delete(connection: Connection) -> bool:
            state = await _read_version_state(connection, user_id, note_id)
            if not state.accepts_deletion(version, changed_at):
                return False
            if not state.has_tombstone(version, changed_at):
                await _delete_rows(connection, user_id, note_id)
                insert = _INSERT_TOMBSTONE.format(now=self.NOW)
                await connection.execute(insert, user_id, note_id, version, changed_at)
            return True

        return await self._write(user_id, delete)

    async def delete_user(self, user_id: str, *, changed_at: int) -> None:
        async def delete(connection: Connection) -> None:
            for table in ("notes", "deleted_notes"):
                await connection.execute(
                    f"DELETE FROM {table} WHERE user_id = $1 AND changed_at <= $2",  # noqa: S608 - names above
                    user_id,
                    changed_at,
                )
            insert = _INSERT_DELETED_USER.format(now=self.NOW)
            await connection.execute(insert, user_digest(user_id), changed_at)

        await self._write(user_id, delete)

    async def get_note(self, user_id: str, note_id: str) -> Note | None:
        rows = await self._fetch(f"{_NOTES} AND note_id = $2", user_id=user_id, note_id=note_id)
        return next((Note(*row) for row in rows), None)

    async def list_notes(self, user_id: str) -> list[Note]:
        rows = await self._fetch(f"{_NOTES} ORDER BY note_id", user_id=user_id)
        return [Note(*row) for row in rows]

    async def _fetch(self, statement: str, **ids: str) -> Sequence[Any]:
        """Fetch the rows of a query whose parameters are ids."""
        for name, value in ids.items():
            require_id(name, value)
        return await self.run(lambda connection: connection.fetch(statement, *ids.values()))

    async def _write(self, user_id: str, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Purge old tombstones and run `work` in one transaction."""
        require_id("user_id", user_id)

        async def purge_and_work(connection: Connection) -> T:
            for table in ("deleted_notes", "deleted_users"):
                await connection.execute(self.PURGE.format(table=table), self._tombstone_seconds)
            return await work(connection)

        return await self.run_transaction(user_id, purge_and_work)


async def _read_version_state(connection: Connection, user_id: str, note_id: str) -> VersionState:
    require_id("note_id", note_id)
    (row,) = await connection.fetch(_VERSION_STATE, user_id, note_id, user_digest(user_id))
    return VersionState(*row)


async def _delete_rows(connection: Connection, user_id: str, note_id: str) -> None:
    for table in ("notes", "deleted_notes"):
        await connection.execute(
            f"DELETE FROM {table} WHERE user_id = $1 AND note_id = $2",  # noqa: S608 - names above
            user_id,
            note_id,
        )
