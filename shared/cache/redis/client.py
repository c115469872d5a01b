"""The one way to Redis: one server, behind one method; `cluster.py` makes several look like it.

Nothing above this module sees a Redis error: whatever goes wrong is `CacheUnavailableError`,
raised within the time-out. What stands under our keys and is not ours is removed on the way.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import Connection as RedisConnection
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.maint_notifications import MaintNotificationsConfig

from shared.cache import keyspace
from shared.cache.redis.circuit_breaker import CircuitBreaker
from shared.cache.redis.commands import Command, Script
from shared.cache.redis.db_span_attributes import described
from shared.cache.redis.hiredis_packer import packing
from shared.cache.redis.timeouts import EventLoopLagError, LagTolerantTimeout
from shared.errors import CacheFullError, CacheUnavailableError
from shared.observability.timings import call

if TYPE_CHECKING:
    from shared.settings import Settings

__all__ = ["Command", "RedisClient", "Script"]  # what goes over it is known by it, too

# A garbled reply may fail anywhere in the client's parser.
NONSENSE = (ValueError, TypeError, LookupError, AttributeError)
_TROUBLE = (RedisError, OSError, EOFError, TimeoutError, *NONSENSE)

# How long a request waits for Redis where it probes after an outage. An answer that comes later
# is for the next request.
_PROBE_SECONDS = 0.003
# What a command that nobody waits for any more may still take: a first connection with TLS can
# outlast one request's patience, and should be there for the next.
_LINGER_SECONDS = 5.0
_MEND = Script("repair_types")


class RedisClient:
    """A pool of connections, opened with the first command, kept for the container's life."""

    def __init__(
        self,
        client: Redis,
        *,
        timeout: float,
        probe: float | None = None,
        connections: int = 50,
        circuit_breaker: CircuitBreaker | None = None,
    ) -> None:
        """Nothing is sent yet.

        `timeout` is how long one round trip may take, in seconds, retry included, and `probe` the
        same where Redis failed before; `connections` is how many round trips there are at once.
        """
        self.circuit_breaker = circuit_breaker or CircuitBreaker()
        self._client: Any = client  # not all of its methods are typed
        self._server = client.connection_pool.connection_kwargs
        self._timeout = timeout
        self._probe = timeout if probe is None else probe
        self._turns = asyncio.Semaphore(connections)
        self._connected = False
        self._lingering: set[asyncio.Task[Any]] = set()

    @classmethod
    def open(cls, settings: "Settings", *, timeout: float | None = None) -> "RedisClient":
        """Prepare the client that the settings ask for.

        With a `timeout` of its own it is for work that nobody waits for: it probes patiently.
        """
        options: dict[str, Any] = parse_url(settings.redis_url) | {
            "max_connections": settings.redis_connections,
            # Whoever waits has a time-out; the client's own costs a task for each round trip, and
            # loses some cancellations with it (`asyncio.wait_for` before Python 3.12).
            "socket_timeout": None,
            "socket_connect_timeout": _LINGER_SECONDS,
            # A connection that the server closed while the container was frozen fails once.
            "retry": Retry(NoBackoff(), 1),
            "maint_notifications_config": MaintNotificationsConfig(enabled=False),
        }
        if settings.redis_url.startswith("rediss:"):
            from shared.cache.redis.tls import TLSConnection  # noqa: PLC0415  # as the next three

            options["connection_class"] = TLSConnection
        if settings.redis_iam_user:
            from shared.cache.redis.iam_auth import IamCredentialProvider  # noqa: PLC0415  # as the next two

            options["credential_provider"] = IamCredentialProvider(settings)
        if settings.redis_password_secret:
            from shared.cache.redis.password_auth import KeptPassword  # noqa: PLC0415  # as the next

            options["redis_connect_func"] = KeptPassword(settings).let_in
        options["connection_class"] = packing(options.get("connection_class", RedisConnection))
        patience: dict[str, Any] = {
            "timeout": timeout or settings.redis_timeout,
            "probe": timeout or _PROBE_SECONDS,
            "connections": settings.redis_connections,
        }
        if settings.redis_cluster:
            from shared.cache.redis.cluster import RedisClusterClient  # noqa: PLC0415  # few have one

            return RedisClusterClient(options, **patience)
        return cls(Redis.from_pool(ConnectionPool(**options)), **patience)

    async def execute(self, *commands: Command, within: float | None = None) -> list[Any]:
        """Send commands in one round trip, and give their replies in order.

        `within` is how long it may take, in seconds, where that is less than usual.

        Raises:
            CacheFullError: there is no room for what was to be written.
            CacheUnavailableError: no answer in time, or any command failed.
        """
        if not self.circuit_breaker.allow_request():
            raise CacheUnavailableError("the cache is left alone: it gave no answer just now")
        usual = self._probe if self.circuit_breaker.is_open else self._timeout
        seconds = usual if within is None else min(within, usual)
        try:
            with call(described, (commands, self._server)):
                replies = await self._in_time(commands, seconds)
        except _TROUBLE as error:
            early = isinstance(error, TimeoutError) and seconds < self._timeout
            if early or isinstance(error, EventLoopLagError):
                raise CacheUnavailableError("the cache is slow") from error  # that is no outage
            raise await self._failed(error) from error
        self._connected = True
        self.circuit_breaker.record_success()
        return replies

    async def execute_and_wait_for_replicas(
        self, command: Command, *, replicas: int, seconds: float
    ) -> tuple[Any, int]:
        """Send a command that writes; give its reply, and how many replicas hold what it wrote.

        They have `seconds` for it, so that many pass where too few do.

        WAIT speaks of what its own connection wrote, so both go over one.

        Raises:
            CacheFullError: there is no room for what was to be written.
            CacheUnavailableError: no answer in time, or the command failed.
        """
        wait = Command.of("WAIT", replicas, int(seconds * 1000))
        try:
            # A server that does not know the script is sent both twice.
            with call(described, ((command, wait), self._server)):
                async with asyncio.timeout(self._timeout + 2 * seconds):
                    reply, held = await self._send([command, wait], waiting=True)
        except _TROUBLE as error:
            raise await self._failed(error) from error
        self.circuit_breaker.record_success()
        return reply, held if isinstance(held, int) else 0

    async def memory_usage(self) -> tuple[int, int] | None:
        """Give the bytes that the server uses, and may use (0: no limit); None where it is silent.

        Raises:
            CacheUnavailableError: no answer in time.
        """
        if self.circuit_breaker.is_open:  # who reads this is not who finds out whether it is over
            raise CacheUnavailableError("the cache is left alone: it gave no answer just now")
        try:
            async with asyncio.timeout(self._timeout):
                told = await self._client.info("memory")
            return int(told["used_memory"]), int(told["maxmemory"])
        except (ResponseError, KeyError):
            return None  # not every host lets one ask, and not every one says all of it
        except _TROUBLE as error:
            raise await self._failed(error) from error

    async def aclose(self) -> None:
        """Close every connection; the next command opens new ones."""
        for task in self._lingering:
            task.cancel()
        await asyncio.gather(*self._lingering, return_exceptions=True)
        self._connected = False
        await self._client.aclose()

    async def _failed(self, error: Exception) -> CacheUnavailableError:
        """Take down a failure, and translate it."""
        refused = isinstance(error, ResponseError) and not isinstance(error, ReadOnlyError)
        self.circuit_breaker.record_failure(error, refused=refused)
        if isinstance(error, OutOfMemoryError):
            return CacheFullError("the cache is full")
        if not refused:
            self._connected = False
        if isinstance(error, ReadOnlyError):
            # After a failover: what is open leads to the former master, the name to the new one.
            await self._client.connection_pool.disconnect(inuse_connections=False)
        return CacheUnavailableError(f"the cache failed: {type(error).__name__}")

    async def _in_time(self, commands: Sequence[Command], seconds: float) -> list[Any]:
        patience = LagTolerantTimeout(seconds)
        if self._connected:
            async with patience:
                return await self._send(commands)
        # A request that gives up does not take the connection that is being made with it.
        task = asyncio.create_task(self._send(commands))
        try:
            await patience.wait(task)
        finally:
            if not task.done():
                self._let_linger(task)
        if task.done():
            return task.result()
        raise patience.error()

    def _let_linger(self, task: "asyncio.Task[list[Any]]") -> None:
        """Let one task at a time go on without its request: the newest."""
        for older in self._lingering:
            older.cancel()
        for newer in (task, asyncio.create_task(self._linger(task))):
            self._lingering.add(newer)
            newer.add_done_callback(self._lingering.discard)

    async def _linger(self, task: "asyncio.Task[list[Any]]") -> None:
        """See a task through, and then whether Redis is quick enough for requests."""
        try:
            async with asyncio.timeout(_LINGER_SECONDS):
                await task
            async with asyncio.timeout(self._timeout):
                await self._send([Command.of("PING")])
        except _TROUBLE as error:
            await self._failed(error)
        else:
            self._connected = True
            self.circuit_breaker.record_success()

    async def _send(self, commands: Sequence[Command], *, waiting: bool = False) -> list[Any]:
        async with self._turns:
            replies = await self._exchange(commands)
            again = [number for number, reply in enumerate(replies) if _is_curable(reply)]
            if again and waiting:
                again = list(range(len(commands)))  # WAIT speaks of what went before it
            if again:
                await self._mend([commands[n] for n in again if _is_damage(replies[n])])
                cured = [commands[number].with_text() for number in again]
                for number, reply in zip(again, await self._exchange(cured), strict=True):
                    replies[number] = reply
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        return replies

    async def _mend(self, commands: Sequence[Command]) -> None:
        """Remove what is not ours from under the keys of these commands."""
        for command in commands:
            kinds = map(keyspace.kind, command.keys)
            await self._exchange([_MEND.call(command.keys, *kinds).with_text()])

    async def _exchange(self, commands: Sequence[Command]) -> list[Any]:
        if len(commands) == 1:
            try:
                return [await self._client.execute_command(*commands[0].arguments)]
            except ResponseError as error:
                return [error]
        pipeline: Any = self._client.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command.arguments)
        return list(await pipeline.execute(raise_on_error=False))


def _is_damage(reply: object) -> bool:
    """Whether a command met something under its keys that we did not write."""
    return isinstance(reply, ResponseError) and any(
        sign in str(reply) for sign in ("WRONGTYPE", "is not an integer", "would overflow")
    )


def _is_curable(reply: object) -> bool:
    return isinstance(reply, NoScriptError) or _is_damage(reply)
