"""Notes in PostgreSQL with pgvector.

Embeddings are `halfvec`, which holds their whole-number components exactly. A search is an exact
scan of one user's chunks. Its cosine is made of inner products, exact whole numbers, rather than
of pgvector's distance, which is rounded once more: so it is the same to the last bit as
`shared.vectors.cosines`.
"""
# ruff: noqa: D102 - the port says what each of its methods does

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.notes.note import Chunk, Note, Source
from shared.notes.postgres.migration import migrate
from shared.notes.postgres.pool import Connection, PostgresPool
from shared.notes.sanitize import require_id, sanitize_text
from shared.notes.version_order import TOMBSTONE_SECONDS, VersionState, user_digest

if TYPE_CHECKING:
    from shared.secrets import Secret
    from shared.vectors import Vector

_SEARCH = """
WITH asked AS MATERIALIZED (SELECT $2::text::halfvec AS query)
SELECT chunk_id, note_id, content,
       -(embedding <#> query) / sqrt((embedding <#> embedding) * (query <#> query)) AS similarity
FROM chunks, asked
WHERE user_id = $1
ORDER BY similarity DESC, chunk_id
LIMIT $3
"""

_KNOWN = """
SELECT (SELECT version FROM notes WHERE user_id = $1 AND note_id = $2),
       (SELECT version FROM deleted_notes WHERE user_id = $1 AND note_id = $2),
       (SELECT changed_at FROM deleted_users WHERE user_digest = $3)
"""

_INSERT_CHUNKS = """
INSERT INTO chunks (user_id, note_id, ordinal, chunk_id, content, embedding)
SELECT $1, $2, ordinal, chunk_id, content, embedding::halfvec
FROM unnest($3::text[], $4::text[], $5::text[])
     WITH ORDINALITY AS given (chunk_id, content, embedding, ordinal)
"""

# Rows that another is purging are locked, and need no second hand.
_PURGE = """
DELETE FROM {table} WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM {table} WHERE deleted_at <= now() - make_interval(secs => $1)
    FOR UPDATE SKIP LOCKED))
"""
_PURGES = tuple(_PURGE.format(table=table) for table in ("deleted_notes", "deleted_users"))


class PostgresNoteStore:
    """`NoteStore` over a PostgreSQL database that `migrate` has prepared.

    Args:
        url: `postgresql://user:password@host:port/database`, or a secret of that form.
        dimensions: of every embedding.
        connections: how many may be open at once.
        connect_timeout: in seconds.
        command_timeout: for one statement, in seconds.
        tombstone_seconds: how long deletions are remembered.
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
        """Create or update the tables; needed once for each release, and safe at any time.

        Raises:
            ConfigurationError: pgvector is missing, or the tables hold other dimensions.
        """
        await self._pool.run(lambda connection: migrate(connection, dimensions=self._dimensions))

    async def search(self, user_id: str, embedding: "Vector", k: int) -> list[Source]:
        require_id("user_id", user_id)
        rows = await self._fetch(_SEARCH, user_id, _literal(embedding), k)
        return [Source(*row) for row in rows]

    async def get_chunks(self, user_id: str, note_id: str) -> list[Chunk]:
        require_id("user_id", user_id)
        require_id("note_id", note_id)
        rows = await self._fetch(
            "SELECT chunk_id, content, embedding::real[] FROM chunks"
            " WHERE user_id = $1 AND note_id = $2 ORDER BY ordinal",
            user_id,
            note_id,
        )
        return [
            Chunk(chunk_id, note_id, content, np.array(embedding, dtype=np.int8))
            for chunk_id, content, embedding in rows
        ]

    async def replace_note(self, note: Note, chunks: Sequence[Chunk]) -> bool:
        key = (note.user_id, note.note_id)

        async def work(connection: Connection) -> bool:
            async with connection.transaction():
                state = await self._read_version_state(connection, *key)
                if not state.accepts_note(note.version, note.changed_at):
                    return False
                await _delete_rows(connection, *key)
                await connection.execute(
                    "INSERT INTO notes (user_id, note_id, title, text, version, changed_at)"
                    " VALUES ($1, $2, $3, $4, $5, $6)",
                    *key,
                    sanitize_text(note.title),
                    sanitize_text(note.text),
                    note.version,
                    note.changed_at,
                )
                await connection.execute(
                    _INSERT_CHUNKS,
                    *key,
                    [chunk.chunk_id for chunk in chunks],
                    [sanitize_text(chunk.content) for chunk in chunks],
                    [_literal(chunk.embedding) for chunk in chunks],
                )
            return True

        return await self._pool.run(work)

    async def delete_note(
        self, user_id: str, note_id: str, *, version: int, changed_at: int
    ) -> bool:
        async def work(connection: Connection) -> bool:
            async with connection.transaction():
                state = await self._read_version_state(connection, user_id, note_id)
                if not state.accepts_deletion(version, changed_at):
                    return False
                if not state.has_tombstone(version, changed_at):
                    await _delete_rows(connection, user_id, note_id)
                    await connection.execute(
                        "INSERT INTO deleted_notes (user_id, note_id, version, changed_at)"
                        " VALUES ($1, $2, $3, $4)",
                        user_id,
                        note_id,
                        version,
                        changed_at,
                    )
            return True

        return await self._pool.run(work)

    async def delete_user(self, user_id: str, *, changed_at: int) -> None:
        async def work(connection: Connection) -> None:
            async with connection.transaction():
                await self._lock_user(connection, user_id)
                for table in ("notes", "deleted_notes"):
                    await connection.execute(
                        f"DELETE FROM {table} WHERE user_id = $1 AND changed_at <= $2",  # noqa: S608 - names above
                        user_id,
                        changed_at,
                    )
                await connection.execute(
                    "INSERT INTO deleted_users AS state (user_digest, changed_at) VALUES ($1, $2)"
                    " ON CONFLICT (user_digest) DO UPDATE SET deleted_at = now(),"
                    " changed_at = greatest(state.changed_at, excluded.changed_at)",
                    user_digest(user_id),
                    changed_at,
                )

        await self._pool.run(work)

    async def get_note(self, user_id: str, note_id: str) -> Note | None:
        require_id("user_id", user_id)
        require_id("note_id", note_id)
        rows = await self._fetch(
            "SELECT user_id, note_id, title, text, version, changed_at FROM notes"
            " WHERE user_id = $1 AND note_id = $2",
            user_id,
            note_id,
        )
        return next((Note(*row) for row in rows), None)

    async def list_notes(self, user_id: str) -> list[Note]:
        require_id("user_id", user_id)
        rows = await self._fetch(
            "SELECT user_id, note_id, title, text, version, changed_at FROM notes"
            " WHERE user_id = $1 ORDER BY note_id",
            user_id,
        )
        return [Note(*row) for row in rows]

    async def ping(self) -> None:
        await self._fetch("SELECT 1")

    async def aclose(self) -> None:
        await self._pool.aclose()

    async def _fetch(self, statement: str, *values: object) -> Sequence[Any]:
        rows: Sequence[Any] = await self._pool.run(
            lambda connection: connection.fetch(statement, *values)
        )
        return rows

    async def _lock_user(self, connection: Connection, user_id: str) -> None:
        """Let one user's writes wait for one another, the first of a note too."""
        require_id("user_id", user_id)
        # A statement of its own: the next one must see what was written during the wait.
        await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", user_id)
        for purge in _PURGES:
            await connection.execute(purge, self._tombstone_seconds)

    async def _read_version_state(
        self, connection: Connection, user_id: str, note_id: str
    ) -> VersionState:
        require_id("note_id", note_id)
        await self._lock_user(connection, user_id)
        row = await connection.fetchrow(_KNOWN, user_id, note_id, user_digest(user_id))
        return VersionState(*row)


async def _delete_rows(connection: Connection, user_id: str, note_id: str) -> None:
    for table in ("notes", "deleted_notes"):
        await connection.execute(
            f"DELETE FROM {table} WHERE user_id = $1 AND note_id = $2",  # noqa: S608 - names above
            user_id,
            note_id,
        )


def _literal(embedding: "Vector") -> str:
    return json.dumps(embedding.tolist())
