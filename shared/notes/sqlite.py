"""Notes in one SQLite file: the embedded default.

Several processes may use the file at once (WAL). Nothing of it is kept in memory, so what
another process wrote is seen by the next call.
"""
# ruff: noqa: D102 - the port says what each of its methods does

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import aiosqlite
import numpy as np

from shared.errors import StoreUnavailableError
from shared.notes.note import Chunk, Note, Source
from shared.notes.sanitize import require_id, sanitize_text
from shared.notes.version_order import TOMBSTONE_SECONDS, VersionState, user_digest
from shared.vectors import cosines, from_bytes, to_bytes

if TYPE_CHECKING:
    from shared.vectors import Vector

_SCHEMA = """
CREATE TABLE notes (
    user_id TEXT NOT NULL, note_id TEXT NOT NULL, title TEXT NOT NULL, text TEXT NOT NULL,
    version INTEGER NOT NULL, changed_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, note_id)
);
CREATE TABLE chunks (
    user_id TEXT NOT NULL, note_id TEXT NOT NULL, ordinal INTEGER NOT NULL,
    chunk_id TEXT NOT NULL, embedding BLOB NOT NULL, content TEXT NOT NULL,
    PRIMARY KEY (user_id, note_id, ordinal),
    FOREIGN KEY (user_id, note_id) REFERENCES notes ON DELETE CASCADE
);
CREATE TABLE deleted_notes (
    user_id TEXT NOT NULL, note_id TEXT NOT NULL,
    version INTEGER NOT NULL, changed_at INTEGER NOT NULL, deleted_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, note_id)
);
CREATE INDEX deleted_notes_age ON deleted_notes (deleted_at);
CREATE TABLE deleted_users (
    user_digest BLOB PRIMARY KEY, changed_at INTEGER NOT NULL, deleted_at INTEGER NOT NULL
);
CREATE INDEX deleted_users_age ON deleted_users (deleted_at);
PRAGMA user_version = 1;
"""

_UNAVAILABLE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)
"""Primary result codes that speak of the file and its disk, not of our statements."""


class SQLiteNoteStore:
    """`NoteStore` over one file, which is made, folders included, when it is first used.

    Args:
        path: the database file.
        busy_timeout: how long to wait for another process that is writing, in seconds.
        tombstone_seconds: how long deletions are remembered.
    """

    def __init__(
        self,
        path: Path,
        *,
        busy_timeout: float = 5.0,
        tombstone_seconds: float = TOMBSTONE_SECONDS,
    ) -> None:
        self._path = path
        self._busy_timeout = busy_timeout
        self._tombstone_seconds = tombstone_seconds
        self._connection: aiosqlite.Connection | None = None
        self._lock = asyncio.Lock()

    async def search(self, user_id: str, embedding: "Vector", k: int) -> list[Source]:
        require_id("user_id", user_id)
        async with self._transaction("DEFERRED") as connection:
            rows = await connection.execute_fetchall(
                "SELECT chunk_id, embedding, rowid FROM chunks WHERE user_id = ?", (user_id,)
            )
            found = []
            for rowid, similarity in _nearest(rows, embedding, k):
                ((chunk_id, note_id, content),) = await connection.execute_fetchall(
                    "SELECT chunk_id, note_id, content FROM chunks WHERE rowid = ?", (rowid,)
                )
                found.append(Source(chunk_id, note_id, content, similarity))
        return found

    async def get_chunks(self, user_id: str, note_id: str) -> list[Chunk]:
        require_id("user_id", user_id)
        require_id("note_id", note_id)
        async with self._transaction("DEFERRED") as connection:
            rows = await connection.execute_fetchall(
                "SELECT chunk_id, content, embedding FROM chunks"
                " WHERE user_id = ? AND note_id = ? ORDER BY ordinal",
                (user_id, note_id),
            )
        return [
            Chunk(chunk_id, note_id, content, from_bytes(data)) for chunk_id, content, data in rows
        ]

    async def replace_note(self, note: Note, chunks: Sequence[Chunk]) -> bool:
        key = (note.user_id, note.note_id)
        async with self._writing(*key) as (connection, state):
            if not state.accepts_note(note.version, note.changed_at):
                return False
            await _delete_rows(connection, *key)
            await connection.execute(
                "INSERT INTO notes VALUES (?, ?, ?, ?, ?, ?)",
                (
                    *key,
                    sanitize_text(note.title),
                    sanitize_text(note.text),
                    note.version,
                    note.changed_at,
                ),
            )
            await connection.executemany(
                "INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (*key, ordinal, c.chunk_id, to_bytes(c.embedding), sanitize_text(c.content))
                    for ordinal, c in enumerate(chunks)
                ],
            )
        return True

    async def delete_note(
        self, user_id: str, note_id: str, *, version: int, changed_at: int
    ) -> bool:
        async with self._writing(user_id, note_id) as (connection, state):
            if not state.accepts_deletion(version, changed_at):
                return False
            if not state.has_tombstone(version, changed_at):
                await _delete_rows(connection, user_id, note_id)
                await connection.execute(
                    "INSERT INTO deleted_notes VALUES (?, ?, ?, ?, unixepoch())",
                    (user_id, note_id, version, changed_at),
                )
        return True

    async def delete_user(self, user_id: str, *, changed_at: int) -> None:
        require_id("user_id", user_id)
        async with self._transaction("IMMEDIATE") as connection:
            await self._purge(connection)
            for table in ("notes", "deleted_notes"):
                await connection.execute(
                    f"DELETE FROM {table} WHERE user_id = ? AND changed_at <= ?",  # noqa: S608  - names above
                    (user_id, changed_at),
                )
            await connection.execute(
                "INSERT INTO deleted_users VALUES (?, ?, unixepoch()) ON CONFLICT DO UPDATE SET"
                " changed_at = max(changed_at, excluded.changed_at), deleted_at = unixepoch()",
                (user_digest(user_id), changed_at),
            )

    async def get_note(self, user_id: str, note_id: str) -> Note | None:
        require_id("user_id", user_id)
        require_id("note_id", note_id)
        async with self._transaction("DEFERRED") as connection:
            rows = await connection.execute_fetchall(
                "SELECT * FROM notes WHERE user_id = ? AND note_id = ?", (user_id, note_id)
            )
        return next((Note(*row) for row in rows), None)

    async def list_notes(self, user_id: str) -> list[Note]:
        require_id("user_id", user_id)
        async with self._transaction("DEFERRED") as connection:
            rows = await connection.execute_fetchall(
                "SELECT * FROM notes WHERE user_id = ? ORDER BY note_id", (user_id,)
            )
        return [Note(*row) for row in rows]

    async def ping(self) -> None:
        async with self._transaction("DEFERRED") as connection:
            # Unlike a bare SELECT 1 this reads the file.
            await connection.execute_fetchall("SELECT count(*) FROM sqlite_schema")

    async def aclose(self) -> None:
        async with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                await connection.close()

    @asynccontextmanager
    async def _writing(
        self, user_id: str, note_id: str
    ) -> AsyncIterator[tuple[aiosqlite.Connection, VersionState]]:
        """One transaction that writes a note, and what is state of the note as it begins."""
        require_id("user_id", user_id)
        require_id("note_id", note_id)
        async with self._transaction("IMMEDIATE") as connection:
            await self._purge(connection)
            (row,) = await connection.execute_fetchall(
                "SELECT (SELECT version FROM notes WHERE user_id = ?1 AND note_id = ?2),"
                " (SELECT version FROM deleted_notes WHERE user_id = ?1 AND note_id = ?2),"
                " (SELECT changed_at FROM deleted_users WHERE user_digest = ?3)",
                (user_id, note_id, user_digest(user_id)),
            )
            yield connection, VersionState(*row)

    async def _purge(self, connection: aiosqlite.Connection) -> None:
        for table in ("deleted_notes", "deleted_users"):
            await connection.execute(
                f"DELETE FROM {table} WHERE deleted_at <= unixepoch() - ?",  # noqa: S608 - names above
                (self._tombstone_seconds,),
            )

    @asynccontextmanager
    async def _transaction(self, kind: str) -> AsyncIterator[aiosqlite.Connection]:
        """One transaction at a time: the connection is shared by all coroutines."""
        async with self._lock:
            with _translate_errors():
                if self._connection is None:
                    self._connection = await self._open()
                connection = self._connection
                try:
                    await connection.execute(f"BEGIN {kind}")
                    yield connection
                    await connection.commit()
                except BaseException:
                    # Also when cancelled: the next caller must not inherit the transaction.
                    await connection.rollback()
                    raise

    async def _open(self) -> aiosqlite.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # aiosqlite leaves its thread behind where opening fails, so let it fail here.
        await asyncio.to_thread(lambda: sqlite3.connect(self._path).close())
        connecting = aiosqlite.connect(self._path, timeout=self._busy_timeout, isolation_level=None)
        # A process may end with its store open, as functions do: no thread is to hold it up. What
        # was not committed is undone, as after a crash.
        connecting._thread.daemon = True  # noqa: SLF001  # aiosqlite offers no other way
        connection = await connecting
        try:
            await self._write_ahead(connection)
            await connection.execute("PRAGMA foreign_keys = ON")
            # What is deleted is overwritten with zeros, not only unlinked.
            await connection.execute("PRAGMA secure_delete = ON")
            await connection.execute("BEGIN IMMEDIATE")
            (version,) = await connection.execute_fetchall("PRAGMA user_version")
            if version[0] == 0:
                for statement in _SCHEMA.split(";"):
                    await connection.execute(statement)
            await connection.commit()
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _write_ahead(self, connection: aiosqlite.Connection) -> None:
        """Switch the file to a log that readers do not wait for; SQLite itself waits for nobody."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._busy_timeout
        while True:
            try:
                await connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError:
                if loop.time() >= until:
                    raise
                await asyncio.sleep(0.01)
            else:
                return


async def _delete_rows(connection: aiosqlite.Connection, user_id: str, note_id: str) -> None:
    for table in ("notes", "deleted_notes"):
        await connection.execute(
            f"DELETE FROM {table} WHERE user_id = ? AND note_id = ?",  # noqa: S608 - names above
            (user_id, note_id),
        )


def _nearest(rows: Iterable[sqlite3.Row], embedding: "Vector", k: int) -> list[tuple[int, float]]:
    """Row id and similarity of the `k` best of (chunk id, embedding, row id)."""
    rows = sorted(rows)
    matrix = from_bytes(b"".join(row[1] for row in rows)).reshape(len(rows), embedding.size)
    similarities = cosines(embedding, matrix)
    order = np.argsort(-similarities, kind="stable")[:k]
    return [(rows[i][2], float(similarities[i])) for i in order]


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Say `StoreUnavailableError` for what the file or its disk refuses."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        code = getattr(error, "sqlite_errorcode", None)
        if isinstance(error, OSError) or (code is not None and code & 0xFF in _UNAVAILABLE):
            raise StoreUnavailableError(f"the note store cannot be used: {error}") from error
        raise
