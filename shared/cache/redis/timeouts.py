"""Time-outs for Redis: the budget of a request, and a time-out that tolerates a lagging event loop.

On an overloaded processor the event loop runs late: a reply can be in the socket's buffer, unread,
when the timer fires late as well. Such a time-out says nothing about Redis, and a request without
the cache would add to the load. The lag of timers is therefore measured several times during the
time-out, which is extended by twice their sum. A budget does not include the extension.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

_LAG_SECONDS = 0.005  # less is the resolution of timers
_MEASUREMENTS = 8  # in a time-out: a healthy round trip ends before the first
_MAX_EXTENSION = 7  # as a multiple of the time-out


@dataclass(slots=True)
class Budget:
    """The seconds that one request may still wait for Redis, in all of its round trips."""

    left: float
    lag: float = 0.0
    """The event loop's lag during the current round trip, in seconds."""

    @contextmanager
    def round_trip(self, timeout: float) -> Iterator[float]:
        """Yield the time-out of a round trip, `timeout` at most, and deduct its duration."""
        loop = asyncio.get_running_loop()
        self.lag = 0.0
        seconds, began = min(timeout, self.left), loop.time()
        try:
            yield seconds
        finally:
            duration = min(loop.time() - began, max(seconds, 0.0))
            self.left -= max(duration - 2 * self.lag, 0.0)


class EventLoopLagError(TimeoutError):
    """The time-out passed while the event loop was lagging: Redis may be healthy."""


@asynccontextmanager
async def lag_tolerant_timeout(seconds: float, budget: Budget | None = None) -> AsyncIterator[None]:
    """Like `asyncio.timeout`, but extended while the event loop lags.

    The measured lag is added to the `lag` of `budget`.

    Raises:
        EventLoopLagError: the time-out passed, and the event loop was still lagging.
        TimeoutError: the time-out passed.
    """
    seconds = max(seconds, 0.0)
    budget = budget or Budget(seconds)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    lagging = False
    timer: asyncio.TimerHandle

    def on_timer(due: float) -> None:
        nonlocal lagging, timer
        now = loop.time()
        lag = now - due
        lagging = lag > _LAG_SECONDS
        budget.lag += lag if lagging else 0.0
        until = deadline + min(2 * budget.lag, _MAX_EXTENSION * seconds)
        if now >= until:
            timeout.reschedule(now)
        else:
            due = min(now + seconds / _MEASUREMENTS, until)
            timer = loop.call_at(due, on_timer, due)

    first = deadline - seconds + seconds / _MEASUREMENTS
    timer = loop.call_at(first, on_timer, first)
    try:
        async with asyncio.timeout(None) as timeout:
            yield
    except TimeoutError as timed_out:
        raise (EventLoopLagError() if lagging else TimeoutError()) from timed_out
    finally:
        timer.cancel()
