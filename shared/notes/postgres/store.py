"""Notes in PostgreSQL with pgvector.

Embeddings are `halfvec`, which represents their integer components exactly. A search is an exact
scan of one user's chunks. The cosine is calculated from inner products, which are exact integers,
and not with pgvector's distance, which is rounded again. So it equals `shared.vectors.cosines` to
the last bit.
"""
# ruff: noqa: D102 - `NoteStore` and `SQLNoteStore` document the methods

import asyncio
import json
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg

from shared.errors import StoreUnavailableError, UnavailableError
from shared.notes.note import Source
from shared.notes.postgres.connection import DRIVER_ERRORS, connect
from shared.notes.postgres.diagnosis import find_problem
from shared.notes.postgres.migration import migrate
from shared.notes.sanitize import require_id
from shared.notes.sql_statements import OTHER_PROFILE
from shared.notes.sql_store import Connection, SQLNoteStore
from shared.notes.version_order import TOMBSTONE_SECONDS
from shared.secrets import Secret
from shared.vectors import from_numbers

if TYPE_CHECKING:
    from shared.notes.embedding_profile import EmbeddingProfile
    from shared.tags import Tags
    from shared.vectors import Vector

T = TypeVar("T")

_SEARCH = """
WITH asked AS MATERIALIZED (SELECT $3::text::halfvec AS query), found AS (
    SELECT user_id, chunk_id, note_id, content, headings,
           coalesce(-(embedding <#> query)
                    / nullif(sqrt((embedding <#> embedding) * (query <#> query)), 0), -1)
           AS similarity
    FROM chunks, asked
    WHERE user_id = $1{tagged} AND NOT EXISTS ({other_profile})
    ORDER BY similarity DESC, chunk_id
    LIMIT $4)
SELECT chunk_id, note_id, content, similarity, title, headings
FROM found JOIN notes USING (user_id, note_id)
ORDER BY similarity DESC, chunk_id
"""
_TAGGED = " AND note_id IN (SELECT note_id FROM notes WHERE user_id = $1 AND tags && $5::text[])"
_SEARCH_ALL = _SEARCH.format(tagged="", other_profile=OTHER_PROFILE)
_SEARCH_TAGGED = _SEARCH.format(tagged=_TAGGED, other_profile=OTHER_PROFILE)

_MAX_CONNECTIONS = 5


_PERMANENT = (
    asyncpg.DataError,
    asyncpg.InsufficientResourcesError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,  # the database does not exist yet
    asyncpg.LockNotAvailableError,
    asyncpg.ProgramLimitExceededError,
    asyncpg.SyntaxOrAccessError,
)
"""Errors that another connection would report too."""

_SET_UP_ERRORS = (asyncpg.InvalidSchemaNameError, asyncpg.SyntaxOrAccessError)
"""Errors that `diagnosis.py` may explain."""

_REMEDIES = {
    asyncpg.InsufficientPrivilegeError: "the role of DATABASE_URL lacks a privilege: look for"
    " row-level security on the note store's tables",
    asyncpg.InvalidAuthorizationSpecificationError: "the server refused the user, the password or"
    " the encryption of DATABASE_URL",
    asyncpg.InvalidCatalogNameError: "the database that DATABASE_URL names does not exist: create"
    " it, then run python -m infra.migrate",
    (asyncpg.ProtocolViolationError, asyncpg.UndefinedObjectError): "the server or its pooler"
    " refused a parameter of DATABASE_URL, such as schema, search_path or options: remove it, and"
    " run ALTER ROLE … SET search_path = … instead",
    (asyncpg.ReadOnlySQLTransactionError, asyncpg.TargetServerAttributeNotMatched): "the note"
    " store is read-only: DATABASE_URL must lead to the primary server",
    ssl.SSLCertVerificationError: "the certificate of the note store's server is not valid: add"
    " ?sslrootcert= with the file of its certificate authority to DATABASE_URL",
    socket.gaierror: "the host of DATABASE_URL is unknown",
    ConnectionRefusedError: "no server listens at the host and port of DATABASE_URL",
}


class PostgresNoteStore(SQLNoteStore):
    """A `NoteStore` over a PostgreSQL database that `migrate` has prepared.

    Args:
        url: `postgresql://user:password@host:port/database`, or a secret of that form.
        profile: of the embeddings that are written and searched for.
        connect_timeout: for a new connection, and for a free one of the pool, in seconds.
        command_timeout: for one statement, in seconds.
        tombstone_seconds: the time for which tombstones are stored.
    """

    NOW = "now()"
    # Rows that another transaction purges are locked, and are skipped.
    PURGE = """
    DELETE FROM {table} WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM {table} WHERE deleted_at <= now() - make_interval(secs => $1)
        FOR UPDATE SKIP LOCKED))
    """
    READ_EMBEDDING = "embedding::real[]"
    EMBEDDING_PARAMETER = "$6::text::halfvec"
    REEMBED_COMMAND = "python -m infra.reembed"

    def __init__(
        self,
        url: str | Secret,
        profile: "EmbeddingProfile",
        *,
        connect_timeout: float = 3.0,
        command_timeout: float = 10.0,
        tombstone_seconds: float = TOMBSTONE_SECONDS,
    ) -> None:
        super().__init__(profile, tombstone_seconds=tombstone_seconds)
        self._url = Secret.static(url) if isinstance(url, str) else url
        is_secret = not isinstance(url, str)
        self._variable = "the secret of DATABASE_URL_SECRET" if is_secret else "DATABASE_URL"
        self._dimensions = profile.dimensions
        self._connect_timeout = connect_timeout
        self._command_timeout = command_timeout
        self._pool: Any = None

    async def migrate(self) -> None:
        """Create or update the tables; required once for each release, and safe at any time.

        Raises:
            ConfigurationError: the database or its role does not allow the migration.
        """
        await self.run(
            lambda connection: migrate(
                connection, profile=self._profile, dimensions=self._dimensions
            )
        )

    async def search(
        self, user_id: str, embedding: "Vector", k: int, tags: "Tags" = ()
    ) -> list[Source]:
        require_id("user_id", user_id)
        whose = user_id, self._profile
        values: tuple[Any, ...] = (*whose, self.embedding_to_parameter(embedding), k)
        statement = _SEARCH_ALL
        if tags:
            statement, values = _SEARCH_TAGGED, (*values, self.tags_to_parameter(tags))
        try:
            rows = await self.run(lambda connection: connection.fetch(statement, *values))
        except StoreUnavailableError as error:
            # pgvector compares no vectors of different dimensions.
            if type(error.__cause__) is asyncpg.DataError:
                raise self.reembedding_required("unknown") from None
            raise
        if not rows:
            others = await self.run(lambda connection: connection.fetch(OTHER_PROFILE, *whose))
            for (profile,) in others:
                raise self.reembedding_required(profile)
        return [Source(*row) for row in rows]

    async def ping(self) -> None:
        if problem := await self.run(find_problem):
            raise StoreUnavailableError(problem)
        await super().ping()

    async def aclose(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    def embedding_to_parameter(self, embedding: "Vector") -> str:
        return json.dumps(embedding.tolist())

    def embedding_from_row(self, embedding: Sequence[float]) -> "Vector":
        return from_numbers(embedding)

    def tags_to_parameter(self, tags: "Tags") -> list[str]:
        return list(tags)

    def tags_from_row(self, tags: Sequence[str]) -> "Tags":
        return tuple(tags)

    async def run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run `work` with a connection; it must be safe to run twice.

        The server closes connections while a container is frozen, and after a failover they lead
        to a read-only server. So all are replaced after a failure, and `work` is run once more.
        """
        with _translate_errors():
            try:
                return await self._attempt(work)
            except _SET_UP_ERRORS as error:
                if problem := await self._attempt(find_problem):
                    raise StoreUnavailableError(problem) from error
                raise
            except _PERMANENT:
                raise
            except (ConnectionError, *DRIVER_ERRORS):
                if self._pool is not None:
                    await self._pool.expire_connections()
                return await self._attempt(work)

    async def run_transaction(self, user_id: str, work: Callable[[Connection], Awaitable[T]]) -> T:
        async def transaction(connection: Connection) -> T:
            async with connection.transaction(isolation="read_committed"):
                # A separate statement: the next one must see writes committed during the wait.
                await connection.execute(
                    "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", user_id
                )
                return await work(connection)

        return await self.run(transaction)

    async def _attempt(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        if self._pool is None:
            # With min_size 0 nothing is awaited, so only one coroutine creates the pool.
            self._pool = await asyncpg.create_pool(
                connect=self._connect,
                min_size=0,
                max_size=_MAX_CONNECTIONS,
                timeout=self._connect_timeout,
                command_timeout=self._command_timeout,
                statement_cache_size=0,  # works behind a pooler in transaction mode
            )
        async with self._pool.acquire(timeout=self._connect_timeout) as connection:
            try:
                return await work(connection)
            except asyncio.CancelledError:
                # A graceful release would wait for a server that may hang.
                connection.terminate()
                raise

    async def _connect(self, *_: object, **options: Any) -> Connection:
        """Open a connection of the pool."""
        return await connect(self._url, self._variable, **options)


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except StoreUnavailableError:
        raise
    except (OSError, UnavailableError, *DRIVER_ERRORS) as error:
        # The driver's message can have the server's address, the user's name or a note's text.
        name = type(error).__name__
        for kinds, message in _REMEDIES.items():
            if isinstance(error, kinds):
                raise StoreUnavailableError(f"{message} ({name})") from error
        raise StoreUnavailableError(f"the note store failed ({name})") from error
