"""Notes in one SQLite file: the default of the local edition.

Several processes can use the file at once (WAL). Nothing is cached in memory, so a call sees the
writes of other processes.
"""
# ruff: noqa: D102 - `NoteStore` documents the methods

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
from shared.text import word_set
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

_UNAVAILABLE = {
    getattr(sqlite3, f"SQLITE_{name}")
    for name in word_set(
        "BUSY CANTOPEN CORRUPT FULL IOERR LOCKED NOMEM NOTADB PERM PROTOCOL READONLY"
    )
}
"""Primary result codes of a fault of the file or its disk, not of a statement."""

_NOTES = "SELECT user_id, note_id, title, text, version, changed_at FROM notes WHERE user_id = ?"


class SQLiteNoteStore:
    """A `NoteStore` over one file, which is created with its folders on first use.

    Args:
        path: the database file.
        busy_timeout: the maximum wait for another process that writes, in seconds.
        tombstone_seconds: the time for which tombstones are stored.
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
            for rowid, similarity in _rank(rows, embedding, k):
                ((chunk_id, note_id, content),) = await connection.execute_fetchall(
                    "SELECT chunk_id, note_id, content FROM chunks WHERE rowid = ?", (rowid,)
                )
                found.append(Source(chunk_id, note_id, content, similarity))
        return found

    async def get_chunks(self, user_id: str, note_id: str) -> list[Chunk]:
        rows = await self._fetch(
            "SELECT chunk_id, content, embedding FROM chunks"
            " WHERE user_id = ? AND note_id = ? ORDER BY ordinal",
            user_id=user_id,
            note_id=note_id,
        )
        return [
            Chunk(chunk_id, note_id, content, from_bytes(data)) for chunk_id, content, data in rows
        ]

    async def replace_note(self, note: Note, chunks: Sequence[Chunk]) -> bool:
        key = (note.user_id, note.note_id)
        async with self._write(note.user_id) as connection:
            state = await _read_version_state(connection, *key)
            if not state.accepts_note(note.version, note.changed_at):
                return False
            await _delete_rows(connection, *key)
            title, text = sanitize_text(note.title), sanitize_text(note.text)
            await connection.execute(
                "INSERT INTO notes VALUES (?, ?, ?, ?, ?, ?)",
                (*key, title, text, note.version, note.changed_at),
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
        async with self._write(user_id) as connection:
            state = await _read_version_state(connection, user_id, note_id)
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
        async with self._write(user_id) as connection:
            for table in ("notes", "deleted_notes"):
                await connection.execute(
                    f"DELETE FROM {table} WHERE user_id = ? AND changed_at <= ?",  # noqa: S608 - names above
                    (user_id, changed_at),
                )
            await connection.execute(
                "INSERT INTO deleted_users VALUES (?, ?, unixepoch()) ON CONFLICT DO UPDATE SET"
                " changed_at = max(changed_at, excluded.changed_at), deleted_at = unixepoch()",
                (user_digest(user_id), changed_at),
            )

    async def get_note(self, user_id: str, note_id: str) -> Note | None:
        rows = await self._fetch(f"{_NOTES} AND note_id = ?", user_id=user_id, note_id=note_id)
        return next((Note(*row) for row in rows), None)

    async def list_notes(self, user_id: str) -> list[Note]:
        rows = await self._fetch(f"{_NOTES} ORDER BY note_id", user_id=user_id)
        return [Note(*row) for row in rows]

    async def ping(self) -> None:
        # Unlike SELECT 1, this reads the file.
        await self._fetch("SELECT count(*) FROM sqlite_schema")

    async def aclose(self) -> None:
        async with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                await connection.close()

    async def _fetch(self, statement: str, **ids: str) -> Iterable[sqlite3.Row]:
        for name, value in ids.items():
            require_id(name, value)
        async with self._transaction("DEFERRED") as connection:
            return await connection.execute_fetchall(statement, tuple(ids.values()))

    @asynccontextmanager
    async def _write(self, user_id: str) -> AsyncIterator[aiosqlite.Connection]:
        """Open a write transaction and purge old tombstones."""
        require_id("user_id", user_id)
        async with self._transaction("IMMEDIATE") as connection:
            for table in ("deleted_notes", "deleted_users"):
                await connection.execute(
                    f"DELETE FROM {table} WHERE deleted_at <= unixepoch() - ?",  # noqa: S608 - names above
                    (self._tombstone_seconds,),
                )
            yield connection

    @asynccontextmanager
    async def _transaction(self, kind: str) -> AsyncIterator[aiosqlite.Connection]:
        """Open a transaction, one at a time because all coroutines share the connection."""
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
                    # Also after a cancellation: the next caller needs a clean connection.
                    await connection.rollback()
                    raise

    async def _open(self) -> aiosqlite.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # aiosqlite does not end its thread if opening fails, so errors are raised here.
        await asyncio.to_thread(lambda: sqlite3.connect(self._path).close())
        connecting = aiosqlite.connect(self._path, timeout=self._busy_timeout, isolation_level=None)
        # A function's process can end with its store open, and the thread must not delay that.
        connecting._thread.daemon = True  # noqa: SLF001 - aiosqlite has no public way
        connection = await connecting
        try:
            await self._enable_wal(connection)
            await connection.execute("PRAGMA foreign_keys = ON")
            await connection.execute("PRAGMA secure_delete = ON")  # overwrite deleted content
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

    async def _enable_wal(self, connection: aiosqlite.Connection) -> None:
        """Switch to write-ahead logging, for which SQLite does not apply its busy time-out."""
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


async def _read_version_state(
    connection: aiosqlite.Connection, user_id: str, note_id: str
) -> VersionState:
    require_id("note_id", note_id)
    (row,) = await connection.execute_fetchall(
        "SELECT (SELECT version FROM notes WHERE user_id = ? AND note_id = ?),"
        " (SELECT version FROM deleted_notes WHERE user_id = ? AND note_id = ?),"
        " (SELECT changed_at FROM deleted_users WHERE user_digest = ?)",
        (user_id, note_id, user_id, note_id, user_digest(user_id)),
    )
    return VersionState(*row)


async def _delete_rows(connection: aiosqlite.Connection, user_id: str, note_id: str) -> None:
    for table in ("notes", "deleted_notes"):
        await connection.execute(
            f"DELETE FROM {table} WHERE user_id = ? AND note_id = ?",  # noqa: S608 - names above
            (user_id, note_id),
        )


def _rank(rows: Iterable[sqlite3.Row], embedding: "Vector", k: int) -> list[tuple[int, float]]:
    """Return row id and similarity of the `k` best rows of (chunk id, embedding, row id)."""
    rows = sorted(rows)
    matrix = from_bytes(b"".join(row[1] for row in rows)).reshape(len(rows), embedding.size)
    similarities = cosines(embedding, matrix)
    order = np.argsort(-similarities, kind="stable")[:k]
    return [(rows[i][2], float(similarities[i])) for i in order]


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Raise `StoreUnavailableError` for faults of the file or its disk."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        code = getattr(error, "sqlite_errorcode", None)
        if isinstance(error, OSError) or (code is not None and code & 0xFF in _UNAVAILABLE):
            raise StoreUnavailableError(f"the note store cannot be used: {error}") from error
        raise
