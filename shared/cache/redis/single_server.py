"""The Redis client for one server: a connection pool with time-outs and a circuit breaker.

Redis errors do not leave this module: it raises `CacheUnavailableError` within the time-out.
"""
# ruff: noqa: D102 - `RedisClient` documents the methods

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from redis.asyncio import Redis
from redis.exceptions import (
    DataError,
    MovedError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from shared.cache import keyspace
from shared.cache.redis.circuit_breaker import CircuitBreaker
from shared.cache.redis.client import RedisClient
from shared.cache.redis.commands import Command, Script
from shared.cache.redis.connection import exchange
from shared.cache.redis.timeouts import Budget, EventLoopLagError, LagTolerantTimeout
from shared.dns import share_lookups
from shared.errors import CacheFullError, CacheUnavailableError
from shared.observability.timings import start_span

if TYPE_CHECKING:
    from shared.observability.timings import Attributes

CONNECT_SECONDS = 5.0
"""Time-out for connecting, which continues in the background after a request's time-out."""

_REPLICA_SECONDS = 1.0
"""How long WAIT blocks while too few replicas have acknowledged a write."""

_ERRORS = (RedisError, OSError, EOFError, TimeoutError)
_PROGRAMMING_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NameError,
    TypeError,
    ValueError,
)
_REPAIR_TYPES = Script("repair_types")


class SlotMovedError(CacheUnavailableError):
    """A MOVED reply of a cluster's node: another node has the slot. An empty host is its own."""

    def __init__(self, slot: int, host: str, port: int) -> None:
        super().__init__(f"slot {slot} has moved")
        self.slot, self.host, self.port = slot, host, port


class RedisServerClient(RedisClient):
    """A connection pool to one server, kept for the container's life."""

    def __init__(
        self,
        client: Redis,
        *,
        timeout: float,
        probe_timeout: float | None = None,
        max_connections: int = 50,
        circuit_breaker: CircuitBreaker | None = None,
    ) -> None:
        """Create the client. It sends nothing before the first command.

        Args:
            client: redis-py's client.
            timeout: seconds for one round trip, retry included.
            probe_timeout: the same for a probe while the circuit breaker is open.
            max_connections: the number of concurrent round trips; others wait.
            circuit_breaker: for a node of a cluster, its circuit breaker.
        """
        self._in_cluster = circuit_breaker is not None
        self.circuit_breaker = circuit_breaker or CircuitBreaker()
        self._client: Any = client  # not all of its methods are typed
        self._server = client.connection_pool.connection_kwargs
        self._timeout = timeout
        self._probe_timeout = timeout if probe_timeout is None else probe_timeout
        self._free_connections = asyncio.Semaphore(max_connections)
        self._connected = False
        self._background: set[asyncio.Task[Any]] = set()

    async def execute(
        self, *commands: Command, budget: Budget | None = None, replicas: int = 0
    ) -> list[Any]:
        async with self._free_connections:
            if not self.circuit_breaker.allow_request():
                raise self._circuit_open()
            timeout = self._probe_timeout if self.circuit_breaker.is_open else self._timeout
            budget = budget or Budget(timeout)
            with budget.round_trip(timeout) as seconds:
                return await self._execute(commands, seconds, budget, replicas)

    async def _execute(
        self, commands: Sequence[Command], seconds: float, budget: Budget, replicas: int
    ) -> list[Any]:
        if replicas:
            wait = Command.of("WAIT", replicas, int(_REPLICA_SECONDS * 1000))
            commands = (*commands, wait)
            seconds += 2 * _REPLICA_SECONDS  # twice, because of the retry in `_send`
        try:
            with start_span("client", _describe_round_trip, (commands, self._server)):
                replies = await self._send_within(seconds, budget, commands)
        except _ERRORS as error:
            if bug := _programming_error(error):
                raise bug from None
            shortened = isinstance(error, TimeoutError) and seconds < self._timeout
            if shortened or isinstance(error, EventLoopLagError):
                # Neither is evidence that Redis is down: the breaker does not count it.
                raise CacheUnavailableError("the cache did not respond in time") from error
            raise await self._record_failure(error) from error
        self._connected = True
        self.circuit_breaker.record_success()
        if replicas and (acknowledged := replies.pop()) < replicas:
            raise CacheUnavailableError(
                f"{acknowledged} of {replicas} replicas acknowledged the write in time"
            )
        return replies

    async def memory_usage(self) -> tuple[int, int] | None:
        if self.circuit_breaker.is_open:  # a reader of statistics is no probe
            raise self._circuit_open()
        try:
            async with asyncio.timeout(self._timeout):
                info = await self._client.info("memory")
            return int(info["used_memory"]), int(info["maxmemory"])
        except (ResponseError, KeyError):
            return None  # some managed services forbid INFO or omit fields
        except _ERRORS as error:
            raise await self._record_failure(error) from error

    async def aclose(self) -> None:
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        self._connected = False
        await self._client.aclose()

    async def close_idle_connections(self) -> None:
        """Close the connections that no round trip is using."""
        await self._client.connection_pool.disconnect(inuse_connections=False)

    async def _record_failure(self, error: Exception) -> CacheUnavailableError:
        """Record an error in the circuit breaker and translate it."""
        if isinstance(error, MovedError) and self._in_cluster:  # the node itself is healthy
            return SlotMovedError(error.slot_id, error.host, error.port)
        error_reply = isinstance(error, ResponseError) and not isinstance(error, ReadOnlyError)
        is_cluster = isinstance(error, MovedError)
        self.circuit_breaker.record_failure(error, error_reply=error_reply, permanent=is_cluster)
        if isinstance(error, OutOfMemoryError):
            return CacheFullError("the cache is full")
        if not error_reply:
            self._connected = False
        if isinstance(error, ReadOnlyError):
            # After a failover open connections lead to the old master, the name to the new one.
            await self.close_idle_connections()
        return CacheUnavailableError(f"the cache failed: {self.circuit_breaker.reason}")

    def _circuit_open(self) -> CacheUnavailableError:
        reason = self.circuit_breaker.reason
        return CacheUnavailableError(f"the circuit breaker of the cache is open: {reason}")

    async def _send_within(
        self, seconds: float, budget: Budget, commands: Sequence[Command]
    ) -> list[Any]:
        if self._connected:
            async with LagTolerantTimeout(seconds, budget):
                return await self._send(commands)
        share_lookups()
        # A TLS handshake can outlast one request's time-out; the next request needs its result.
        task = asyncio.create_task(self._send(commands))
        try:
            async with LagTolerantTimeout(seconds, budget):
                return await asyncio.shield(task)
        finally:
            if not task.done():
                self._finish_in_background(task)

    def _finish_in_background(self, task: "asyncio.Task[list[Any]]") -> None:
        """Continue a task after its request's time-out. Only the newest one continues."""
        for older in self._background:
            older.cancel()
        for newer in (task, asyncio.create_task(self._check(task))):
            self._background.add(newer)
            newer.add_done_callback(self._background.discard)

    async def _check(self, task: "asyncio.Task[list[Any]]") -> None:
        """Wait for a connecting task, then check with a PING that Redis is fast enough."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await task
            async with asyncio.timeout(self._timeout):
                await self._send([Command.of("PING")])
        except _ERRORS as error:
            await self._record_failure(error)
        else:
            self._connected = True
            self.circuit_breaker.record_success()

    async def _send(self, commands: Sequence[Command]) -> list[Any]:
        """Send commands, and once more those that need a script's text or a repaired key."""
        replies = await self._exchange(commands)
        for _ in range(2):  # a script's text may be missing and its key hold a foreign value
            retried = [number for number, reply in enumerate(replies) if _is_retryable(reply)]
            if not retried:
                break
            await self._repair_types([commands[n] for n in retried if _is_foreign(replies[n])])
            if commands[-1].arguments[0] == "WAIT":  # it must follow the retried command
                retried = list(range(len(commands)))
            again = await self._exchange([commands[number].with_text() for number in retried])
            for number, reply in zip(retried, again, strict=True):
                replies[number] = reply
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        return replies

    async def _repair_types(self, commands: Sequence[Command]) -> None:
        """Remove foreign values from the keys of these commands."""
        for command in commands:
            kinds = map(keyspace.kind, command.keys)
            await self._exchange([_REPAIR_TYPES.call(command.keys, *kinds).with_text()])

    async def _exchange(self, commands: Sequence[Command]) -> list[Any]:
        return await exchange(self._client.connection_pool, commands)


def _programming_error(error: Exception) -> Exception | None:
    """Return the programming error that an error of redis-py stands for, if any."""
    if isinstance(error, DataError):  # arguments of a type that Redis does not have
        return error
    if isinstance(error, ResponseError):  # the message of an error in a Lua script
        return error if str(error).startswith("user_script:") else None
    cause = error.__cause__  # redis-py reports any exception while connecting as ConnectionError
    return (
        cause if isinstance(cause, _PROGRAMMING_ERRORS) and not isinstance(cause, OSError) else None
    )


def _is_foreign(reply: object) -> bool:
    """Whether a command failed because a key holds a value that this project did not write."""
    return isinstance(reply, ResponseError) and any(
        message in str(reply) for message in ("WRONGTYPE", "is not an integer", "would overflow")
    )


def _is_retryable(reply: object) -> bool:
    return isinstance(reply, NoScriptError) or _is_foreign(reply)


def _describe_round_trip(
    round_trip: "tuple[Sequence[Command], Mapping[str, Any]]",
) -> "tuple[str, Attributes]":
    """Return the trace span's name and attributes. They contain no command arguments.

    The names are those of OpenTelemetry's semantic conventions:
    https://opentelemetry.io/docs/specs/semconv/db/redis/

    Args:
        round_trip: the commands, and the connection options of redis-py, which name the server.
    """
    commands, options = round_trip
    operation, script = "PIPELINE", ""
    if len(commands) == 1:
        operation, script = str(commands[0].arguments[0]), commands[0].name
    attributes: dict[str, Any] = {
        "db.system.name": "redis",
        "server.address": options.get("host") or options.get("path"),
        "server.port": options.get("port"),
        "db.operation.name": operation,
        "db.operation.batch.size": len(commands) if operation == "PIPELINE" else None,
        "db.stored_procedure.name": script or None,
    }
    known = {name: value for name, value in attributes.items() if value is not None}
    return f"{operation} {script}".rstrip(), known
