"""The state of the circuit breakers that all containers share in Redis.

    {breaker}:<id>:state      exists while the breaker is open, and half-open after that
    {breaker}:<id>:lock       the lock of the container that probes
    {breaker}:<id>:counters   hash: how many calls ended in the window, and how many failed

The time to live of `state`, less `HALF_OPEN_SECONDS`, is how long the breaker stays open, so
containers need no common clock. A miss reads and reports in the round trips that it makes anyway;
an exact hit does neither. Every command is optional: an unavailable cluster node fails no request.
"""

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.cache import keyspace, single_flight
from shared.cache.redis.commands import Command, Script
from shared.errors import CacheUnavailableError
from shared.inference.circuit_breaker import PROBE_SECONDS, CallReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from shared.cache.counters import PendingCounters
    from shared.cache.redis.client import RedisClient
    from shared.inference.circuit_breaker import CircuitBreaker

HALF_OPEN_SECONDS = 3_600
"""How long a breaker that was open stays half-open without a probe."""

_REPORT = Script("report_calls", Path(__file__).parent / "lua")


class SharedCircuitState:
    """Exchanges the state of circuit breakers in the round trips of one cache session.

    Implements `shared.cache.redis.commands.RoundTripExtension`.
    """

    def __init__(
        self, breakers: "Iterable[CircuitBreaker]", counters: "PendingCounters | None" = None
    ) -> None:
        """`counters` count the breakers that this container's reports open."""
        self._breakers = tuple(breakers)
        self._counters = counters
        self._sent_at: list[float] = []

    def commands(self) -> list[Command]:
        """Return for each breaker the command that reports its calls or reads its state."""
        self._sent_at = [breaker.clock() for breaker in self._breakers]
        return [_exchange(breaker) for breaker in self._breakers]

    def receive(self, replies: "Sequence[Any]") -> None:
        """Apply the state that Redis returned for each breaker."""
        for breaker, sent_at, reply in zip(self._breakers, self._sent_at, replies, strict=True):
            milliseconds, opened = reply if isinstance(reply, list) else (reply, 0)
            if milliseconds is None:
                continue  # the cluster node is unavailable
            if opened and self._counters is not None:
                self._counters.add(breaker_opens=1)
            remaining_open = milliseconds / 1000 - HALF_OPEN_SECONDS if milliseconds > 0 else None
            breaker.update(remaining_open, sent_at=sent_at)


class SharedProbeLock:
    """Lets one of all containers probe. Without Redis each container may."""

    def __init__(self, redis_client: "Callable[[], RedisClient | None]") -> None:
        """`redis_client` returns the client; it is called at the first probe."""
        self._redis_client = redis_client

    async def acquire(self, breaker_id: str) -> bool:
        """Return whether this container may probe."""
        token = secrets.token_urlsafe(8)
        command = single_flight.acquire_command(
            breaker_keys(breaker_id).lock, token, int(PROBE_SECONDS * 1000)
        )
        (owner,) = await self._execute(command) or [None]
        return owner is None or owner == token.encode()

    async def release(self, breaker_id: str) -> None:
        """Let another container probe."""
        await self._execute(Command.of("DEL", breaker_keys(breaker_id).lock))

    async def _execute(self, command: Command) -> list[Any]:
        redis_client = self._redis_client()
        try:
            return await redis_client.execute(command) if redis_client else []
        except CacheUnavailableError:
            return []


def breaker_keys(breaker_id: str) -> keyspace.SharedStateKeys:
    """Return the keys of a circuit breaker's shared state."""
    return keyspace.shared_state_keys("breaker", breaker_id)


def _exchange(breaker: "CircuitBreaker") -> Command:
    """Report what is to be reported, and read the state."""
    report, keys = breaker.take_report(), breaker_keys(breaker.id)
    if report == CallReport():
        return Command.of("PTTL", keys.state, optional=True)
    return _REPORT.call(
        [keys.state, keys.counters, keys.lock],
        *report,
        int(breaker.open_seconds * 1000),
        HALF_OPEN_SECONDS * 1000,
        int(breaker.window_seconds * 1000),
        breaker.min_calls,
        str(breaker.failure_rate),
        optional=True,
    )
