"""The interface to Redis, for one server (`single_server.py`) and a cluster (`cluster.py`)."""

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from shared.cache.redis.circuit_breaker import CircuitBreaker
    from shared.cache.redis.commands import Command
    from shared.cache.redis.timeouts import Budget


class RedisClient(Protocol):
    """Executes commands within a time-out and translates every Redis error.

    Connections open with the first command.
    """

    circuit_breaker: "CircuitBreaker"

    async def execute(
        self, *commands: "Command", budget: "Budget | None" = None, replicas: int = 0
    ) -> list[Any]:
        """Send commands in one round trip and return their replies in order.

        Replies are as Redis sends them: `b"OK"`, and a hash as a list (RESP2) or a dictionary
        (RESP3).

        Args:
            commands: the commands. In a cluster those of different nodes are sent concurrently.
            budget: limits the round trip, which is deducted from it. The wait for a free connection
                of the client's own pool is neither limited nor deducted.
            replicas: the number of replicas that must acknowledge what the commands write. With
                replicas the commands must have the same node, and the round trip takes longer.

        Raises:
            CacheFullError: Redis has no memory for what the commands write.
            CacheUnavailableError: the time-out passed, a command failed, or too few replicas
                acknowledged. In a cluster an optional command whose node is unavailable returns
                None instead.
        """
        ...

    async def memory_usage(self) -> tuple[int, int] | None:
        """Return used and maximum memory in bytes (maximum 0: no limit), summed over masters.

        None: the server does not report them.

        Raises:
            CacheUnavailableError: the time-out passed, or the circuit breaker is open.
        """
        ...

    async def aclose(self) -> None:
        """Close all connections. The next command opens new ones."""
        ...
