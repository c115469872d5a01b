"""Time-outs for Redis: the budget of a request, and a time-out that tolerates a lagging event loop.

On an overloaded processor the event loop runs late: a reply can be in the socket's buffer, unread,
when the timer fires late as well. Such a time-out says nothing about Redis, and a request without
the cache would add to the load. The lag of timers is therefore measured several times during the
time-out, which is extended by twice their sum. A budget does not include the extension.
"""

import asyncio
from dataclasses import dataclass
from types import TracebackType

_LAG_SECONDS = 0.005  # less is the resolution of timers
_MEASUREMENTS = 8  # in a time-out: a healthy round trip ends before the first
_MAX_EXTENSION = 7  # as a multiple of the time-out


@dataclass(slots=True)
class Budget:
    """The seconds that one request may still wait for Redis, in all of its round trips."""

    left: float
    lag: float = 0.0
    """The event loop's lag during the current round trip, in seconds."""

    def round_trip(self, timeout: float) -> "RoundTrip":
        """Return a context: its value is the time-out of a round trip, `timeout` at most.

        It deducts the duration of the round trip.
        """
        return RoundTrip(self, timeout)


class RoundTrip:
    """See `Budget.round_trip`. A class, because a generator takes twice as long."""

    __slots__ = ("_began", "_budget", "_seconds")

    def __init__(self, budget: Budget, timeout: float) -> None:
        self._budget = budget
        self._seconds = min(timeout, budget.left)

    def __enter__(self) -> float:
        self._budget.lag = 0.0
        self._began = asyncio.get_running_loop().time()
        return self._seconds

    def __exit__(self, *_: object) -> None:
        elapsed = asyncio.get_running_loop().time() - self._began
        duration = min(elapsed, max(self._seconds, 0.0))
        self._budget.left -= max(duration - 2 * self._budget.lag, 0.0)


class EventLoopLagError(TimeoutError):
    """The time-out passed while the event loop was lagging: Redis may be healthy."""


class LagTolerantTimeout:
    """Like `asyncio.timeout`, but extended while the event loop lags.

    Raises:
        EventLoopLagError: the time-out passed, and the event loop was still lagging.
        TimeoutError: the time-out passed.
    """

    __slots__ = ("_budget", "_deadline", "_lagging", "_loop", "_seconds", "_timeout", "_timer")

    def __init__(self, seconds: float, budget: Budget | None = None) -> None:
        """Create it; the measured lag is added to the `lag` of `budget`."""
        self._seconds = max(seconds, 0.0)
        self._budget = budget or Budget(self._seconds)
        self._lagging = False

    async def __aenter__(self) -> None:
        self._loop = asyncio.get_running_loop()
        began = self._loop.time()
        self._deadline = began + self._seconds
        self._schedule(began + self._seconds / _MEASUREMENTS)
        self._timeout = asyncio.timeout(None)
        await self._timeout.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        try:
            await self._timeout.__aexit__(kind, error, traceback)
        except TimeoutError as timed_out:
            raise (EventLoopLagError() if self._lagging else TimeoutError()) from timed_out

    def _schedule(self, due: float) -> None:
        self._timer = self._loop.call_at(due, self._on_timer, due)

    def _on_timer(self, due: float) -> None:
        now = self._loop.time()
        lag = now - due
        self._lagging = lag > _LAG_SECONDS
        self._budget.lag += lag if self._lagging else 0.0
        until = self._deadline + min(2 * self._budget.lag, _MAX_EXTENSION * self._seconds)
        if now >= until:
            self._timeout.reschedule(now)
        else:
            self._schedule(min(now + self._seconds / _MEASUREMENTS, until))
