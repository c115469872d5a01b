"""Notes in one SQLite file: the default of the local edition.

Several processes can use the file at once (WAL). Nothing is cached in memory, so a call sees the
writes of other processes.
"""
# ruff: noqa: D102 - `NoteStore` and `SQLNoteStore` document the methods

import asyncio
import os
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import aiosqlite

from shared.errors import StoreUnavailableError
from shared.notes.note import Source
from shared.notes.sanitize import require_id
from shared.notes.sql_statements import OTHER_PROFILE
from shared.notes.sql_store import SQLNoteStore
from shared.notes.sqlite_migration import REMEDY, is_current, migrate
from shared.notes.version_order import TOMBSTONE_SECONDS
from shared.tags import join_tags, searches, split_tags

if TYPE_CHECKING:
    from shared.notes.embedding_profile import EmbeddingProfile
    from shared.tags import Tags
    from shared.vectors import Vector

T = TypeVar("T")

_FAULTS_OF_STATEMENTS = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_CONSTRAINT}
"""Primary result codes for tables that are not those of `MIGRATIONS`."""


class _Connection:
    """aiosqlite's connection with the interface of `sql_store.Connection`."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def execute(self, statement: str, *values: object) -> str:
        """Return PostgreSQL's command tag: the keyword and the number of rows."""
        cursor = await self._connection.execute(statement, _parameters(values))
        return f"{statement.split(maxsplit=1)[0]} {cursor.rowcount}"

    async def executemany(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        await self._connection.executemany(statement, map(_parameters, rows))

    async def fetch(self, statement: str, *values: object) -> list[Any]:
        return list(await self._connection.execute_fetchall(statement, _parameters(values)))


@dataclass(slots=True)
class _Shared:
    """A connection, opened at first use, and the lock of the coroutine that uses it."""

    connection: aiosqlite.Connection | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class SQLiteNoteStore(SQLNoteStore):
    """A `NoteStore` over one file, which is created with its folders on first use.

    Args:
        path: the database file.
        profile: of the embeddings that are written and searched for.
        busy_timeout: the maximum wait for another process that writes, in seconds.
        tombstone_seconds: the time for which tombstones are stored.
    """

    NOW = "CAST(strftime('%s', 'now') AS INTEGER)"  # `unixepoch()` needs SQLite 3.38
    PURGE = f"DELETE FROM {{table}} WHERE deleted_at <= {NOW} - $1"  # noqa: S608 - a constant
    READ_EMBEDDING = "CAST(embedding AS BLOB)"  # another program may store any type
    REEMBED_COMMAND = "tercet reembed"

    def __init__(
        self,
        path: Path,
        profile: "EmbeddingProfile",
        *,
        busy_timeout: float = 5.0,
        tombstone_seconds: float = TOMBSTONE_SECONDS,
    ) -> None:
        super().__init__(profile, tombstone_seconds=tombstone_seconds)
        self._path = path
        self._dimensions = profile.dimensions
        self._busy_timeout = busy_timeout
        # Reads have a connection of their own: they do not wait while a write waits for its lock.
        self._reads = _Shared()
        self._writes = _Shared()

    async def search(
        self, user_id: str, embedding: "Vector", k: int, tags: "Tags" = ()
    ) -> list[Source]:
        require_id("user_id", user_id)

        async def rank_and_read(connection: _Connection) -> list[Source]:
            columns = f"CAST(chunk_id AS TEXT), {self.READ_EMBEDDING}, chunks.rowid"
            if tags:
                rows = await connection.fetch(
                    f"SELECT {columns}, tags FROM chunks JOIN notes USING (user_id, note_id)"  # noqa: S608 - constants
                    " WHERE user_id = $1",
                    user_id,
                )
                rows = [row for row in rows if searches(tags, self.tags_from_row(row[3]))]
            else:
                rows = await connection.fetch(
                    f"SELECT {columns} FROM chunks WHERE user_id = $1",  # noqa: S608 - constants
                    user_id,
                )
            for (profile,) in await connection.fetch(OTHER_PROFILE, user_id, self._profile):
                raise self.reembedding_required(profile)
            if any(len(row[1]) != embedding.size for row in rows):
                raise self.reembedding_required("unknown")
            found = []
            for rowid, similarity in _rank(rows, embedding, k):
                ((chunk_id, note_id, content, title, headings),) = await connection.fetch(
                    "SELECT chunk_id, note_id, CAST(content AS TEXT), title, headings"
                    " FROM chunks JOIN notes USING (user_id, note_id) WHERE chunks.rowid = $1",
                    rowid,
                )
                found.append(Source(chunk_id, note_id, content, similarity, title, headings))
            return found

        return await self.run(rank_and_read)

    async def delete_user(self, user_id: str, *, changed_at: int) -> bool:
        is_empty = await super().delete_user(user_id, changed_at=changed_at)
        # The write-ahead log contains former pages of the file until it is truncated.
        async with self._writes.lock:
            with _translate_errors():
                connection = await self._connect(self._writes)
                ((is_busy, *_),) = await connection.execute_fetchall(
                    "PRAGMA wal_checkpoint(TRUNCATE)"
                )
        if is_busy:
            raise StoreUnavailableError(
                "the user is deleted, but another process reads the former pages: repeat this later"
            )
        return is_empty

    async def ping(self) -> None:
        await super().ping()
        if not os.access(self._path, os.W_OK):
            raise StoreUnavailableError("the note store's file is read-only: allow writing it")

    async def aclose(self) -> None:
        for shared in (self._reads, self._writes):
            async with shared.lock:
                connection, shared.connection = shared.connection, None
                if connection is not None:
                    await connection.close()

    def embedding_to_parameter(self, embedding: "Vector") -> bytes:
        from shared.vectors import to_bytes  # noqa: PLC0415 - see LAZY_IMPORTS

        return to_bytes(embedding)

    def embedding_from_row(self, embedding: bytes) -> "Vector":
        from shared.vectors import from_bytes  # noqa: PLC0415 - see LAZY_IMPORTS

        return from_bytes(embedding)

    def tags_to_parameter(self, tags: "Tags") -> str:
        return join_tags(tags)

    def tags_from_row(self, tags: object) -> "Tags":
        return split_tags(str(tags))  # another program may store any type

    async def run(self, work: Callable[[_Connection], Awaitable[T]]) -> T:
        return await self._transaction("DEFERRED", self._reads, work)

    async def run_transaction(self, user_id: str, work: Callable[[_Connection], Awaitable[T]]) -> T:
        return await self._transaction("IMMEDIATE", self._writes, work)

    async def _transaction(
        self, kind: str, shared: _Shared, work: Callable[[_Connection], Awaitable[T]]
    ) -> T:
        """Run a transaction, one at a time because all coroutines share the connection."""
        async with shared.lock:
            with _translate_errors():
                connection = await self._connect(shared)
                try:
                    await connection.execute(f"BEGIN {kind}")
                    result = await work(_Connection(connection))
                    await connection.commit()
                except (sqlite3.Error, UnicodeDecodeError):
                    # The next call opens the file again: it may have been repaired or replaced.
                    shared.connection = None
                    await connection.close()
                    raise
                except BaseException:
                    # Also after a cancellation: the next caller needs a clean connection.
                    await connection.rollback()
                    raise
        return result

    async def _connect(self, shared: _Shared) -> aiosqlite.Connection:
        if shared.connection is not None:
            return shared.connection
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
            if not await is_current(_Connection(connection)):
                # Another process may migrate the file before this transaction.
                await connection.execute("BEGIN IMMEDIATE")
                await migrate(
                    _Connection(connection), profile=self._profile, dimensions=self._dimensions
                )
                await connection.commit()
        except BaseException:
            await connection.close()
            raise
        shared.connection = connection
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


def _parameters(values: Sequence[object]) -> dict[str, object]:
    """Name parameters by their numbers: in SQLite `$1` is a name."""
    return {str(number): value for number, value in enumerate(values, start=1)}


def _rank(rows: Iterable[sqlite3.Row], embedding: "Vector", k: int) -> list[tuple[int, float]]:
    """Return row id and similarity of the `k` best rows of (chunk id, embedding, row id, …)."""
    from shared.vectors import cosines, from_bytes  # noqa: PLC0415 - see LAZY_IMPORTS

    rows = sorted(rows)
    matrix = from_bytes(b"".join(row[1] for row in rows)).reshape(len(rows), embedding.size)
    similarities = cosines(embedding, matrix)
    order = (-similarities).argsort(kind="stable")[:k]
    return [(rows[i][2], float(similarities[i])) for i in order]


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreUnavailableError(f"the note store cannot be used: {error.strerror}") from error
    except (sqlite3.Error, UnicodeDecodeError) as error:  # of text in a damaged file
        # SQLite's message can quote a value.
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        message = f"the note store cannot be used ({name})"
        if code == sqlite3.SQLITE_FULL or name == "SQLITE_IOERR_SHMSIZE":  # of the file of the log
            message = "the note store cannot be written: the disk is full"
        elif code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            remedy = "restore a copy, or delete it and import the notes again"
            message = f"the note store's file is damaged ({name}): {remedy}"
        elif code in _FAULTS_OF_STATEMENTS:
            message = f"the note store's tables are not of this version ({name}): {REMEDY}"
        raise StoreUnavailableError(message) from error
