"""Removes deleted users from the append-only file of the embedded server."""
# ruff: noqa: D102 - `RedisClient` documents the methods

import asyncio
import time
from typing import TYPE_CHECKING, Any

from shared.cache.redis.client import RedisClient
from shared.cache.redis.commands import Command
from shared.errors import CacheUnavailableError

if TYPE_CHECKING:
    from shared.cache.redis.timeouts import Budget

_INFO, _REWRITE = Command.of("INFO", "persistence"), Command.of("BGREWRITEAOF")
_POLL_SECONDS = 0.02
_REWRITE_SECONDS = 60.0
_DELETE_USER = "delete_user"  # the script's name


class RewritingClient(RedisClient):
    """A client whose server rewrites its append-only file after the deletion of a user.

    The file is a log of commands: it contains deleted values until it is rewritten.
    https://valkey.io/topics/persistence/#log-rewriting
    """

    def __init__(self, client: RedisClient) -> None:
        """Execute commands with `client`."""
        self.circuit_breaker = client.circuit_breaker
        self._client = client
        self._lock = asyncio.Lock()  # a second rewrite at the same time is an error

    async def execute(
        self, *commands: Command, budget: "Budget | None" = None, replicas: int = 0
    ) -> list[Any]:
        replies = await self._client.execute(*commands, budget=budget, replicas=replicas)
        if any(command.name == _DELETE_USER for command in commands):
            async with self._lock:
                await self._rewrite()
        return replies

    async def memory_usage(self) -> tuple[int, int] | None:
        return await self._client.memory_usage()

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _rewrite(self) -> None:
        """Rewrite the file, and wait until the former one is removed."""
        await self._wait_until_idle()  # a rewrite that runs already may contain the deleted values
        await self._client.execute(_REWRITE)
        if (await self._wait_until_idle())[b"aof_last_bgrewrite_status"] != b"ok":
            raise CacheUnavailableError("Valkey could not rewrite its append-only file")

    async def _wait_until_idle(self) -> dict[bytes, bytes]:
        deadline = time.monotonic() + _REWRITE_SECONDS
        while time.monotonic() < deadline:
            (text,) = await self._client.execute(_INFO)
            info = dict(line.split(b":", 1) for line in text.splitlines() if b":" in line)
            if info[b"aof_rewrite_in_progress"] == info[b"aof_rewrite_scheduled"] == b"0":
                return info
            await asyncio.sleep(_POLL_SECONDS)
        raise CacheUnavailableError("Valkey has not rewritten its append-only file in time")
