"""A lazy pool of PostgreSQL connections, with one retry and one type of error."""

import asyncio
import os
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import asyncpg

from shared.errors import ConfigurationError, StoreUnavailableError, UnavailableError
from shared.notes.postgres.tls import select_ssl
from shared.secrets import Secret

T = TypeVar("T")
Connection = Any
"""asyncpg ships no types."""

_CONNECTION_ERRORS = (
    ConnectionError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InterfaceError,
)
_UNAVAILABLE = (
    *_CONNECTION_ERRORS,
    OSError,  # includes TimeoutError
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,  # the database does not exist yet
    asyncpg.LockNotAvailableError,
    asyncpg.PostgresSystemError,
    asyncpg.ReadOnlySQLTransactionError,  # a replica, after a failover
    asyncpg.TransactionRollbackError,
    UnavailableError,  # the store of the password
)
_NOT_MIGRATED = (
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedObjectError,  # pgvector's type
)


class PostgresPool:
    """A pool that connects on first use, on the running event loop.

    No statement is cached on the server, so it works behind a pooler in transaction mode.

    Args:
        url: `postgresql://user:password@host:port/database`, with parameters such as `?sslmode=`;
            `tls.py` documents the default. A secret is fetched for the first connection, and again
            if the server rejects it.
        max_connections: the maximum number of open connections.
        connect_timeout: for a new connection, and for a free one of the pool, in seconds.
        command_timeout: for one statement, in seconds.
    """

    def __init__(
        self,
        url: "str | Secret",
        *,
        max_connections: int,
        connect_timeout: float,
        command_timeout: float,
    ) -> None:
        self._url = Secret.static(url) if isinstance(url, str) else url
        self._max_connections = max_connections
        self._connect_timeout = connect_timeout
        self._command_timeout = command_timeout
        self._pool: Any = None

    async def run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run `work` with a connection; it must be safe to run twice.

        After a container was frozen, its connections can be closed by the server. If a connection
        fails, `work` is run once more on a new one.

        Raises:
            StoreUnavailableError: the server cannot be reached, or cannot work now.
        """
        with _translate_errors():
            try:
                return await self._attempt(work)
            except asyncpg.DataError:  # a subclass of InterfaceError, for wrong arguments
                raise
            except _CONNECTION_ERRORS:
                if self._pool is not None:
                    await self._pool.expire_connections()
                return await self._attempt(work)

    async def aclose(self) -> None:
        """Close every connection."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    async def _attempt(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        if self._pool is None:
            # With min_size 0 nothing is awaited, so only one coroutine creates the pool.
            self._pool = await asyncpg.create_pool(
                connect=self._connect,
                min_size=0,
                max_size=self._max_connections,
                timeout=self._connect_timeout,
                command_timeout=self._command_timeout,
                statement_cache_size=0,
            )
        async with self._pool.acquire(timeout=self._connect_timeout) as connection:
            try:
                return await work(connection)
            except asyncio.CancelledError:
                # A graceful release would wait for a server that may hang.
                connection.terminate()
                raise

    async def _connect(self, *_: object, **options: Any) -> Connection:
        """Open a connection of the pool with the current password."""
        url = await self._url.get()
        try:
            return await asyncpg.connect(url, ssl=select_ssl(url, os.environ), **options)
        except asyncpg.InvalidAuthorizationSpecificationError:
            renewed = await self._url.refetch(url)
            if renewed == url:
                raise
            return await asyncpg.connect(renewed, ssl=select_ssl(renewed, os.environ), **options)
        except ssl.SSLError:  # an invalid certificate is also a ValueError
            raise
        except ValueError:
            # asyncpg's message can have a part of the password.
            raise ConfigurationError(
                "DATABASE_URL is not a valid PostgreSQL URL; percent-encode special characters in"
                " the password: / is %2F, # is %23, ? is %3F, @ is %40"
            ) from None


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except asyncpg.DataError:
        raise
    except _NOT_MIGRATED as error:
        raise StoreUnavailableError(
            "the note store's tables are not of this version: run python -m infra.migrate"
        ) from error
    except _UNAVAILABLE as error:
        # The driver's message can have the server's address and the user's name.
        raise StoreUnavailableError(
            f"the note store did not respond ({type(error).__name__})"
        ) from error
