"""The one way to Redis: a standalone server or a cluster, behind one method.

Nothing above this module sees a Redis error: whatever goes wrong is `CacheUnavailableError`,
raised within the time-out. What stands under our keys and is not ours is removed on the way.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from redis.asyncio import ConnectionPool, Redis, RedisCluster
from redis.asyncio.cluster import PipelineCommand
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    ClusterError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
)
from redis.maint_notifications import MaintNotificationsConfig

from shared.cache import keyspace
from shared.cache.commands import Command, Script
from shared.cache.outages import Outages
from shared.errors import CacheFullError, CacheUnavailableError

if TYPE_CHECKING:
    from shared.settings import Settings

__all__ = ["Command", "Connection", "Script"]  # what goes over it is known by it, too

# A garbled reply may fail in the client's parser as a ValueError or the like.
_TROUBLE = (RedisError, RedisClusterException, OSError, EOFError, TimeoutError, ValueError)

# How long a request waits for Redis where it probes after an outage. An answer that comes later
# is for the next request.
_PROBE_SECONDS = 0.005
# What a command that nobody waits for any more may still take: a first connection with TLS can
# outlast one request's patience, and should be there for the next.
_LINGER_SECONDS = 5.0
_MEND = Script("mend")


class Connection:
    """A pool of connections, opened with the first command, kept for the container's life."""

    def __init__(
        self,
        client: "Redis | RedisCluster",
        *,
        timeout: float,
        probe: float | None = None,
        connections: int = 50,
    ) -> None:
        """Nothing is sent yet.

        `timeout` is how long one round trip may take, in seconds, retry included, and `probe` the
        same where Redis failed before; `connections` is how many round trips there are at once.
        """
        self.outages = Outages()
        self._client = client
        self._timeout = timeout
        self._probe = timeout if probe is None else probe
        self._turns = asyncio.Semaphore(connections)
        self._connected = False
        self._lingering: set[asyncio.Task[Any]] = set()

    @classmethod
    def open(cls, settings: "Settings", *, timeout: float | None = None) -> "Connection":
        """Prepare the client that the settings ask for.

        With a `timeout` of its own it is for work that nobody waits for: it probes patiently.
        """
        connections = settings.redis_connections
        options: dict[str, Any] = {
            "max_connections": connections,
            "socket_timeout": _LINGER_SECONDS,
            "socket_connect_timeout": _LINGER_SECONDS,
            # A connection that the server closed while the container was frozen fails once.
            "retry": Retry(NoBackoff(), 1),
            "maint_notifications_config": MaintNotificationsConfig(enabled=False),
        }
        client: Redis | RedisCluster
        if settings.redis_cluster:
            client = RedisCluster.from_url(settings.redis_url, **options)
        else:
            client = Redis.from_pool(ConnectionPool.from_url(settings.redis_url, **options))
        if timeout is not None:
            return cls(client, timeout=timeout, connections=connections)
        return cls(
            client, timeout=settings.redis_timeout, probe=_PROBE_SECONDS, connections=connections
        )

    async def run(self, *commands: Command, within: float | None = None) -> list[Any]:
        """Send commands in one round trip, and give their replies in order.

        `within` is how long it may take, in seconds, where that is less than usual.

        Raises:
            CacheFullError: there is no room for what was to be written.
            CacheUnavailableError: no answer in time, or any command failed.
        """
        if not self.outages.may_try():
            raise CacheUnavailableError("the cache is left alone: it gave no answer just now")
        usual = self._probe if self.outages.on else self._timeout
        seconds = usual if within is None else min(within, usual)
        try:
            replies = await self._in_time(commands, seconds)
        except _TROUBLE as error:
            if isinstance(error, TimeoutError) and seconds < self._timeout:
                raise CacheUnavailableError("the cache is slow") from error  # that is no outage
            raise await self._failed(error) from error
        self._connected = True
        self.outages.answered()
        return replies

    async def run_until_held(
        self, key: str, command: Command, *, replicas: int, seconds: float
    ) -> int:
        """Send a command that writes `key`; give how many replicas hold it, `seconds` at most.

        WAIT speaks of what its own connection wrote, so both go over one.

        Raises:
            CacheFullError: there is no room for what was to be written.
            CacheUnavailableError: no answer in time, or the command failed.
        """
        wait = Command.of("WAIT", replicas, int(seconds * 1000))
        try:
            async with asyncio.timeout(self._timeout + seconds):
                *_, held = await self._send([command, wait], slot_of=key)
        except _TROUBLE as error:
            raise await self._failed(error) from error
        return int(held)

    async def memory(self) -> tuple[int, int]:
        """Give the bytes that all primaries use, and may use (0: no limit).

        Raises:
            CacheUnavailableError: no answer in time, or Redis does not tell.
        """
        clustered = isinstance(self._client, RedisCluster)
        nodes: dict[str, Any] = {"target_nodes": RedisCluster.PRIMARIES} if clustered else {}
        try:
            async with asyncio.timeout(self._timeout):
                told = await self._client.execute_command("INFO", "memory", **nodes)
        except _TROUBLE as error:
            raise await self._failed(error) from error
        each = list(told.values()) if clustered else [told]
        used, limit = (sum(node[name] for node in each) for name in ("used_memory", "maxmemory"))
        return used, limit

    async def aclose(self) -> None:
        """Close every connection; the next command opens new ones."""
        for task in self._lingering:
            task.cancel()
        await asyncio.gather(*self._lingering, return_exceptions=True)
        self._connected = False
        await self._client.aclose()

    async def _failed(self, error: Exception) -> CacheUnavailableError:
        """Take down a failure, and translate it."""
        refused = isinstance(error, ResponseError)
        refused = refused and not isinstance(error, ReadOnlyError | ClusterError)
        self.outages.failed(error, refused=refused)
        if isinstance(error, OutOfMemoryError):
            return CacheFullError("the cache is full")
        if not refused:
            self._connected = False
        if isinstance(error, ReadOnlyError) and isinstance(self._client, Redis):
            # After a failover: what is open leads to the former master, the name to the new one.
            await self._client.connection_pool.disconnect(inuse_connections=False)
        return CacheUnavailableError(f"the cache failed: {type(error).__name__}")

    async def _in_time(self, commands: Sequence[Command], seconds: float) -> list[Any]:
        if self._connected:
            async with asyncio.timeout(seconds):
                return await self._send(commands)
        # A request that gives up does not take the connection that is being made with it.
        task = asyncio.create_task(self._send(commands))
        try:
            await asyncio.wait({task}, timeout=max(seconds, 0))
        finally:
            if not task.done():
                self._let_linger(task)
        if task.done():
            return task.result()
        raise TimeoutError

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
            self.outages.answered()

    async def _send(self, commands: Sequence[Command], slot_of: str = "") -> list[Any]:
        async with self._turns:
            replies = await self._exchange(commands, slot_of)
            again = [number for number, reply in enumerate(replies) if _is_curable(reply)]
            if again and slot_of:
                again = list(range(len(commands)))  # WAIT speaks of what went before it
            if again:
                await self._mend([commands[n] for n in again if _is_damage(replies[n])])
                cured = [commands[number].with_text() for number in again]
                for number, reply in zip(again, await self._exchange(cured, slot_of), strict=True):
                    replies[number] = reply
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        return replies

    async def _mend(self, commands: Sequence[Command]) -> None:
        """Remove what is not ours from under the keys of these commands."""
        for command in commands:
            kinds = map(keyspace.kind, command.keys)
            await self._exchange([_MEND.call(command.keys, *kinds).with_text()], "")

    async def _exchange(self, commands: Sequence[Command], slot_of: str) -> list[Any]:
        if len(commands) == 1:
            try:
                return [await self._client.execute_command(*commands[0].arguments)]
            except ResponseError as error:
                return [error]
        if slot_of and isinstance(self._client, RedisCluster):
            return await _exchange_with_node(self._client, commands, slot_of)
        pipeline: Any = (
            self._client.pipeline()
            if isinstance(self._client, RedisCluster)
            else self._client.pipeline(transaction=False)
        )
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


async def _exchange_with_node(
    cluster: RedisCluster, commands: Sequence[Command], slot_of: str
) -> list[Any]:
    """Send everything over one connection to the node that has a key's slot."""
    await cluster.initialize()
    node: Any = cluster.get_node_from_key(slot_of)
    sent = [PipelineCommand(i, *command.arguments) for i, command in enumerate(commands)]
    await node.execute_pipeline(sent)
    return [command.result for command in sent]
