"""One request's line to Redis: it never raises, and keeps its request waiting only so long."""

import asyncio
from typing import TYPE_CHECKING, Any

from shared.errors import CacheUnavailableError

if TYPE_CHECKING:
    from shared.cache.redis.client import RedisClient
    from shared.cache.redis.commands import Command


class BudgetedClient:
    """A connection, as one request may use it.

    `status` is `ok`, `unavailable` once Redis has failed this request, after which it is not
    asked again, or `off` where there is no cache.
    """

    def __init__(self, redis_client: "RedisClient | None", timeout: float) -> None:
        """`timeout` is one round trip's, in seconds; all together may take a quarter more."""
        self.status = "ok" if redis_client else "off"
        self.redis_client = redis_client
        self._patience = self._left = 1.25 * timeout

    async def execute(self, *commands: "Command") -> list[Any]:
        """Send commands in one round trip. Return their replies, or [] if Redis fails."""
        if self.status != "ok" or self.redis_client is None:
            return []
        loop = asyncio.get_running_loop()
        began, left = loop.time(), self._left
        try:
            return await self.redis_client.execute(*commands, within=left)
        except CacheUnavailableError:
            self.status = "unavailable"
            return []
        finally:
            took = loop.time() - began
            # It takes longer than it may only where this process was behind: see `patience`.
            self.deduct(took if took < left else 0)

    def take_open_count(self) -> int:
        """How many outages have begun since somebody last asked."""
        return self.redis_client.circuit_breaker.take_open_count() if self.redis_client else 0

    def deduct(self, seconds: float) -> None:
        """Take so much off its patience."""
        self._left -= seconds

    def reset_budget(self) -> None:
        """Begin with all its patience again."""
        self._left = self._patience
