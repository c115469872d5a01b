"""Redis access for one request, within a time budget. It raises no error of Redis."""

from typing import TYPE_CHECKING, Any

from shared.cache.redis.timeouts import Budget
from shared.errors import CacheUnavailableError

if TYPE_CHECKING:
    from shared.cache.redis.client import RedisClient
    from shared.cache.redis.commands import Command

_BUDGET_FACTOR = 1.25  # the budget of all round trips, as a multiple of one round trip's time-out


class BudgetedClient:
    """A `RedisClient` for one request.

    `status` is `ok`; `unavailable` after the first failure of Redis or `failed` after a programming
    error, then no more commands are sent; or `off` without a cache.
    """

    def __init__(self, redis_client: "RedisClient | None", timeout: float) -> None:
        """Create it. `timeout` is one round trip's, in seconds."""
        self.status = "ok" if redis_client else "off"
        self.redis_client = redis_client
        self._seconds = _BUDGET_FACTOR * timeout
        self._budget = Budget(self._seconds)

    async def execute(self, *commands: "Command") -> list[Any]:
        """Send commands in one round trip. Return their replies, or [] if Redis fails."""
        if self.status != "ok" or self.redis_client is None:
            return []
        try:
            return await self.redis_client.execute(*commands, budget=self._budget)
        except CacheUnavailableError:
            self.status = "unavailable"
            return []

    def take_open_count(self) -> int:
        """Return how many times the circuit breaker opened since the last call."""
        return self.redis_client.circuit_breaker.take_open_count() if self.redis_client else 0

    def deduct(self, seconds: float) -> None:
        """Deduct time from the budget."""
        self._budget.left -= seconds

    def reset_budget(self) -> None:
        """Restore the full budget."""
        self._budget.left = self._seconds
