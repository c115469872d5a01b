"""Time-outs for Redis: the budget of a request, and a time-out that tolerates a lagging event loop.

On an overloaded processor the event loop runs late: a reply can be in the socket's buffer, unread,
when the timer fires late as well. Such a time-out says nothing about Redis, and a request without
the cache would add to the load. The time-out is therefore extended by twice the lag of its timer.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class Budget:
    """The seconds that one request may still wait for Redis, in all of its round trips."""

    left: float

    @contextmanager
    def round_trip(self, timeout: float) -> Iterator[float]:
        """Yield the time-out of a round trip, `timeout` at most, and deduct its duration."""
        loop = asyncio.get_running_loop()
        seconds, began = min(timeout, self.left), loop.time()
        try:
            yield seconds
        finally:
            duration = loop.time() - began
            # A longer round trip means that the event loop lagged: see `lag_tolerant_timeout`.
            self.left -= duration if duration < seconds else 0


_LAG_SECONDS = 0.005
_MAX_EXTENSIONS = 7


class EventLoopLagError(TimeoutError):
    """The time-out passed while the event loop was lagging: Redis may be healthy."""


@asynccontextmanager
async def lag_tolerant_timeout(seconds: float) -> AsyncIterator[None]:
    """Like `asyncio.timeout`, but extended while the event loop lags.

    Raises:
        EventLoopLagError: the time-out passed, and the event loop was still lagging.
        TimeoutError: the time-out passed.
    """
    seconds = max(seconds, 0.0)
    loop = asyncio.get_running_loop()
    lagging = False
    timer: asyncio.TimerHandle

    def on_timer(due: float, extensions: int) -> None:
        nonlocal lagging, timer
        now = loop.time()
        lag = now - due
        lagging = lag > _LAG_SECONDS
        if lagging and extensions:
            due = now + min(2 * lag, seconds)
            timer = loop.call_at(due, on_timer, due, extensions - 1)
        else:
            timeout.reschedule(now)

    deadline = loop.time() + seconds
    timer = loop.call_at(deadline, on_timer, deadline, _MAX_EXTENSIONS)
    try:
        async with asyncio.timeout(None) as timeout:
            yield
    except TimeoutError as timed_out:
        raise (EventLoopLagError() if lagging else TimeoutError()) from timed_out
    finally:
        timer.cancel()
