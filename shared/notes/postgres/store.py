"""Notes in PostgreSQL with pgvector.

Embeddings are `halfvec`, which represents their integer components exactly. A search is an exact
scan of one user's chunks. The cosine is calculated from inner products, which are exact integers,
and not with pgvector's distance, which is rounded again. So it equals `shared.vectors.cosines` to
the last bit.
"""
# ruff: noqa: D102 - `NoteStore` documents the methods

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from shared.notes.note import Chunk, Note, Source
from shared.notes.postgres.migration import migrate
from shared.notes.postgres.pool import Connection, PostgresPool
from shared.notes.sanitize import require_id, sanitize_text
from shared.notes.version_order import TOMBSTONE_SECONDS, VersionState, user_digest

if TYPE_CHECKING:
    from shared.secrets import Secret
    from shared.vectors import Vector

T = TypeVar("T")

_SEARCH = """
WITH asked AS MATERIALIZED (SELECT $2::text::halfvec AS query)
SELECT chunk_id, note_id, content,
       -(embedding <#> query) / sqrt((embedding <#> embedding) * (query <#> query)) AS similarity
FROM chunks, asked
WHERE user_id = $1
ORDER BY similarity DESC, chunk_id
LIMIT $3
"""

_CHUNKS = """
SELECT chunk_id, content, embedding::real[] FROM chunks
WHERE user_id = $1 AND note_id = $2 ORDER BY ordinal
"""

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

_INSERT_TOMBSTONE = """
INSERT INTO deleted_notes (user_id, note_id, version, changed_at) VALUES ($1, $2, $3, $4)
"""

_INSERT_DELETED_USER = """
INSERT INTO deleted_users AS stored (user_digest, changed_at) VALUES ($1, $2)
ON CONFLICT (user_digest) DO UPDATE
SET deleted_at = now(), changed_at = greatest(stored.changed_at, excluded.changed_at)
"""

_INSERT_CHUNKS = """
INSERT INTO chunks (user_id, note_id, ordinal, chunk_id, content, embedding)
SELECT $1, $2, ordinal, chunk_id, content, embedding::halfvec
FROM unnest($3::text[], $4::text[], $5::text[])
     WITH ORDINALITY AS given (chunk_id, content, embedding, ordinal)
"""

# Rows that another transaction purges are locked, and are skipped.
_PURGE = """
DELETE FROM {table} WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM {table} WHERE deleted_at <= now() - make_interval(secs => $1)
    FOR UPDATE SKIP LOCKED))
"""
_PURGES = tuple(_PURGE.format(table=table) for table in ("deleted_notes", "deleted_users"))


class PostgresNoteStore:
    """A `NoteStore` over a PostgreSQL database that `migrate` has prepared.

    Args:
        url: `postgresql://user:password@host:port/database`, or a secret of that form.
        dimensions: of every embedding.
        connections: the maximum number of open connections.
        connect_timeout: in seconds.
        command_timeout: for one statement, in seconds.
        tombstone_seconds: the time for which tombstones are stored.
    """

    def __init__(
        self,
        url: "str | Secret",
        *,
        dimensions: int = 384,
        connections: int = 5,
        connect_timeout: float = 3.0,
        command_timeout: float = 10.0,
        tombstone_seconds: float = TOMBSTONE_SECONDS,
    ) -> None:
        self._pool = PostgresPool(
            url,
            max_connections=connections,
            connect_timeout=connect_timeout,
            command_timeout=command_timeout,
        )
        self._dimensions = dimensions
        self._tombstone_seconds = tombstone_seconds

    async def migrate(self) -> None:
        """Create or update the tables; required once for each release, and safe at any time.

        Raises:
            ConfigurationError: pgvector is missing, or the tables have other dimensions.
        """
        await self._pool.run(lambda connection: migrate(connection, dimensions=self._dimensions))

    async def search(self, user_id: str, embedding: "Vector", k: int) -> list[Source]:
        rows = await self._fetch(_SEARCH, _to_literal(embedding), k, user_id=user_id)
        return [Source(*row) for row in rows]

    async def get_chunks(self, user_id: str, note_id: str) -> list[Chunk]:
        rows = await self._fetch(_CHUNKS, user_id=user_id, note_id=note_id)
        return [
            Chunk(chunk_id, note_id, content, np.array(embedding, dtype=np.int8))
            for chunk_id, content, embedding in rows
        ]

    async def replace_note(self, note: Note, chunks: Sequence[Chunk]) -> bool:
        key = (note.user_id, note.note_id)

        async def work(connection: Connection) -> bool:
            state = await _read_version_state(connection, *key)
            if not state.accepts_note(note.version, note.changed_at):
                return False
            await _delete_rows(connection, *key)
            title, text = sanitize_text(note.title), sanitize_text(note.text)
            await connection.execute(_INSERT_NOTE, *key, title, text, note.version, note.changed_at)
            await connection.execute(
                _INSERT_CHUNKS,
                *key,
                [chunk.chunk_id for chunk in chunks],
                [sanitize_text(chunk.content) for chunk in chunks],
                [_to_literal(chunk.embedding) for chunk in chunks],
            )
            return True

        return await self._write(note.user_id, work)

    async def delete_note(
        self, user_id: str, note_id: str, *, version: int, changed_at: int
    ) -> bool:
        async def work(connection: Connection) -> bool:
            state = await _read_version_state(connection, user_id, note_id)
            if not state.accepts_deletion(version, changed_at):
                return False
            if not state.has_tombstone(version, changed_at):
                await _delete_rows(connection, user_id, note_id)
                await connection.execute(_INSERT_TOMBSTONE, user_id, note_id, version, changed_at)
            return True

        return await self._write(user_id, work)

    async def delete_user(self, user_id: str, *, changed_at: int) -> None:
        async def work(connection: Connection) -> None:
            for table in ("notes", "deleted_notes"):
                await connection.execute(
                    f"DELETE FROM {table} WHERE user_id = $1 AND changed_at <= $2",  # noqa: S608 - names above
                    user_id,
                    changed_at,
                )
            await connection.execute(_INSERT_DELETED_USER, user_digest(user_id), changed_at)

        await self._write(user_id, work)

    async def get_note(self, user_id: str, note_id: str) -> Note | None:
        rows = await self._fetch(f"{_NOTES} AND note_id = $2", user_id=user_id, note_id=note_id)
        return next((Note(*row) for row in rows), None)

    async def list_notes(self, user_id: str) -> list[Note]:
        rows = await self._fetch(f"{_NOTES} ORDER BY note_id", user_id=user_id)
        return [Note(*row) for row in rows]

    async def ping(self) -> None:
        await self._fetch("SELECT 1")

    async def aclose(self) -> None:
        await self._pool.aclose()

    async def _fetch(self, statement: str, *values: object, **ids: str) -> Sequence[Any]:
        """Fetch rows; the ids are checked, and are the first parameters."""
        for name, value in ids.items():
            require_id(name, value)
        rows: Sequence[Any] = await self._pool.run(
            lambda connection: connection.fetch(statement, *ids.values(), *values)
        )
        return rows

    async def _write(self, user_id: str, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run `work` in a transaction, one at a time for each user, and purge old tombstones."""
        require_id("user_id", user_id)

        async def transaction(connection: Connection) -> T:
            async with connection.transaction():
                # A separate statement: the next one must see writes committed during the wait.
                await connection.execute(
                    "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", user_id
                )
                for purge in _PURGES:
                    await connection.execute(purge, self._tombstone_seconds)
                return await work(connection)

        return await self._pool.run(transaction)


async def _read_version_state(connection: Connection, user_id: str, note_id: str) -> VersionState:
    require_id("note_id", note_id)
    row = await connection.fetchrow(_VERSION_STATE, user_id, note_id, user_digest(user_id))
    return VersionState(*row)


async def _delete_rows(connection: Connection, user_id: str, note_id: str) -> None:
    for table in ("notes", "deleted_notes"):
        await connection.execute(
            f"DELETE FROM {table} WHERE user_id = $1 AND note_id = $2",  # noqa: S608 - names above
            user_id,
            note_id,
        )


def _to_literal(embedding: "Vector") -> str:
    return json.dumps(embedding.tolist())
