"""The one way to Redis: a standalone server or a cluster, behind one method.

Nothing above this module sees a Redis error: whatever goes wrong is `CacheUnavailableError`,
raised within the time-out.
"""

import asyncio
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster
from redis.asyncio.cluster import PipelineCommand
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError
from redis.maint_notifications import MaintNotificationsConfig

from shared.errors import CacheUnavailableError

if TYPE_CHECKING:
    from shared.settings import Settings

Argument: TypeAlias = str | bytes | int

QUIET_SECONDS = 2.0
"""How long a container leaves Redis alone after it gave no answer; then a request probes."""

# What a command that nobody waits for any more may still take: a first connection with TLS can
# outlast one request's patience, and should be there for the next.
_ABANDONED_SECONDS = 5.0
_LUA = Path(__file__).parent / "lua"


@dataclass(frozen=True, slots=True)
class Command:
    """One command as it goes over the wire; `script` is its text, where it calls one."""

    arguments: tuple[Argument, ...]
    script: str = ""

    @classmethod
    def of(cls, *arguments: Argument) -> "Command":
        """Write a command as it stands in Redis' documentation."""
        return cls(arguments)

    def with_text(self) -> "Command":
        """Call a script by its text, for a server that does not know it yet."""
        if not self.script:
            return self
        return Command(("EVAL", self.script, *self.arguments[2:]), self.script)


class Script:
    """A Lua script of `lua/`, called by its hash."""

    def __init__(self, name: str) -> None:
        """Read `lua/<name>.lua`."""
        self._text = (_LUA / f"{name}.lua").read_text(encoding="utf-8")
        self._sha = hashlib.sha1(self._text.encode(), usedforsecurity=False).hexdigest()

    def call(self, keys: Sequence[str], *arguments: Argument) -> Command:
        """Call it; all keys must share a slot."""
        return Command(("EVALSHA", self._sha, len(keys), *keys, *arguments), self._text)


class Connection:
    """A pool of connections, opened with the first command, kept for the container's life."""

    def __init__(self, client: "Redis | RedisCluster", *, timeout: float) -> None:
        """`timeout` is how long one round trip may take, in seconds, retry included."""
        self._client = client
        self._timeout = timeout
        self._connected = False
        self._quiet_until = 0.0
        self._abandoned: set[asyncio.Task[list[Any]]] = set()

    @classmethod
    def open(cls, settings: "Settings", *, timeout: float | None = None) -> "Connection":
        """Prepare the client that the settings ask for; nothing is sent yet."""
        options: dict[str, Any] = {
            "max_connections": settings.redis_connections,
            "socket_timeout": _ABANDONED_SECONDS,
            "socket_connect_timeout": _ABANDONED_SECONDS,
            # A connection that the server closed while the container was frozen fails once.
            "retry": Retry(NoBackoff(), 1),
            "maint_notifications_config": MaintNotificationsConfig(enabled=False),
        }
        client: Redis | RedisCluster
        if settings.redis_cluster:
            client = RedisCluster.from_url(settings.redis_url, **options)
        else:
            pool = BlockingConnectionPool.from_url(settings.redis_url, **options)
            client = Redis.from_pool(pool)
        return cls(client, timeout=timeout or settings.redis_timeout)

    async def run(self, *commands: Command) -> list[Any]:
        """Send commands in one round trip, and give their replies in order.

        Raises:
            CacheUnavailableError: no answer in time, or any command failed.
        """
        if time.monotonic() < self._quiet_until:
            raise CacheUnavailableError("the cache is left alone: it gave no answer just now")
        try:
            return await self._in_time(commands)
        except (RedisError, OSError, TimeoutError) as error:
            self._quiet_until = time.monotonic() + QUIET_SECONDS
            raise CacheUnavailableError(f"the cache failed: {type(error).__name__}") from error

    async def run_until_held(
        self, key: str, command: Command, *, replicas: int, seconds: float
    ) -> int:
        """Send a command that writes `key`; give how many replicas hold it, `seconds` at most.

        WAIT speaks of what its own connection wrote, so both go over one.

        Raises:
            CacheUnavailableError: no answer in time, or the command failed.
        """
        wait = Command.of("WAIT", replicas, int(seconds * 1000))
        try:
            async with asyncio.timeout(self._timeout + seconds):
                *_, held = await self._send([command, wait], slot_of=key)
        except (RedisError, OSError, TimeoutError) as error:
            raise CacheUnavailableError(f"the cache failed: {type(error).__name__}") from error
        return int(held)

    async def aclose(self) -> None:
        """Close every connection; the next command opens new ones."""
        for task in self._abandoned:
            task.cancel()
        self._connected = False
        await self._client.aclose()

    async def _in_time(self, commands: Sequence[Command]) -> list[Any]:
        if self._connected:
            async with asyncio.timeout(self._timeout):
                return await self._send(commands)
        task = asyncio.ensure_future(self._send(commands))
        done, _ = await asyncio.wait({task}, timeout=self._timeout)
        if done:
            replies = task.result()
            self._connected = True
            return replies
        self._abandoned.add(task)
        task.add_done_callback(self._forget)
        raise TimeoutError

    def _forget(self, task: asyncio.Task[list[Any]]) -> None:
        self._abandoned.discard(task)
        if not task.cancelled() and task.exception() is None:
            self._connected = True
            self._quiet_until = 0.0

    async def _send(self, commands: Sequence[Command], slot_of: str = "") -> list[Any]:
        replies = await self._exchange(commands, slot_of)
        if any(isinstance(reply, NoScriptError) for reply in replies):
            replies = await self._exchange([command.with_text() for command in commands], slot_of)
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        return replies

    async def _exchange(self, commands: Sequence[Command], slot_of: str) -> list[Any]:
        if len(commands) == 1:
            try:
                return [await self._client.execute_command(*commands[0].arguments)]
            except NoScriptError as error:
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


async def _exchange_with_node(
    cluster: RedisCluster, commands: Sequence[Command], slot_of: str
) -> list[Any]:
    """Send everything over one connection to the node that has a key's slot."""
    await cluster.initialize()
    node: Any = cluster.get_node_from_key(slot_of)
    sent = [PipelineCommand(i, *command.arguments) for i, command in enumerate(commands)]
    await node.execute_pipeline(sent)
    return [command.result for command in sent]
