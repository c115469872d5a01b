"""A pool of PostgreSQL connections that is made late, heals once and fails in one way."""

import asyncio
import os
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg

from shared.errors import ConfigurationError, StoreUnavailableError, UnavailableError
from shared.notes.postgres.tls import select_ssl
from shared.secrets import StaticSecret

if TYPE_CHECKING:
    from shared.secrets import Secret

T = TypeVar("T")
Connection = Any
"""asyncpg ships no types."""

_LOST = (
    ConnectionError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InterfaceError,
)
"""The connection broke, or had been broken while nobody looked."""

_UNAVAILABLE = (
    *_LOST,
    OSError,  # TimeoutError is one of them
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,  # a database that is not there, or not yet
    asyncpg.LockNotAvailableError,
    asyncpg.PostgresSystemError,
    asyncpg.ReadOnlySQLTransactionError,  # a replica, after a failover
    asyncpg.TransactionRollbackError,
    UnavailableError,  # whoever keeps the password
)
_WITHOUT_TABLES = (
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedObjectError,  # pgvector's type
)


class PostgresPool:
    """Connects when first used, on the loop that is running then.

    No statement is cached on the server, so it works behind a pooler in transaction mode.

    Args:
        url: `postgresql://user:password@host:port/database`, with `?sslmode=` and the like (see
            `postgres_tls` for what holds without). A secret is read with the first connection,
            and again where the server refuses it.
        max_connections: how many connections may be open at once.
        connect_timeout: for a connection, and for one of the pool to be free, in seconds.
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
        self._url = StaticSecret(url) if isinstance(url, str) else url
        self._max_connections = max_connections
        self._connect_timeout = connect_timeout
        self._command_timeout = command_timeout
        self._pool: Any = None

    async def run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Do `work`, which may be done twice, with a connection.

        A container that was frozen wakes with connections that the server has closed meanwhile:
        work that meets one is done again, once, on a new connection.

        Raises:
            StoreUnavailableError: the server cannot be reached, or cannot work now.
        """
        with _translate_errors():
            try:
                return await self._attempt(work)
            except asyncpg.DataError:  # asyncpg counts wrong arguments among interface errors
                raise
            except _LOST:
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
            # With no connection to open, nothing is awaited before the pool is ready.
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
                # Whoever gives up does not wait until a server that may hang has given up, too.
                connection.terminate()
                raise

    async def _connect(self, *_: object, **options: Any) -> Connection:
        """Open one of the pool's connections, with the password of this moment."""
        url = await self._url.get()
        try:
            return await asyncpg.connect(url, ssl=select_ssl(url, os.environ), **options)
        except asyncpg.InvalidAuthorizationSpecificationError:
            renewed = await self._url.refetch(url)
            if renewed == url:
                raise
            return await asyncpg.connect(renewed, ssl=select_ssl(renewed, os.environ), **options)
        except ssl.SSLError:  # a certificate that nobody vouches for is a ValueError, too
            raise
        except ValueError:
            # What asyncpg takes for a port, say, may be the rest of a password.
            raise ConfigurationError(
                "DATABASE_URL is no URL that PostgreSQL knows; a password's special characters are"
                " written as in any URL: / is %2F, # is %23, ? is %3F, @ is %40"
            ) from None


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except asyncpg.DataError:
        raise
    except _WITHOUT_TABLES as error:
        raise StoreUnavailableError(
            "the note store's tables are not those of this version: run python -m infra.migrate"
        ) from error
    except _UNAVAILABLE as error:
        # The driver's own message may hold the address and the user's name.
        raise StoreUnavailableError(
            f"the note store did not answer ({type(error).__name__})"
        ) from error
