"""A time-out for Redis that tolerates a lagging event loop.

On an overloaded processor the event loop runs late: a reply can be in the socket's buffer, unread,
when the timer fires late as well. Such a time-out says nothing about Redis, and a request without
the cache would add to the load. The time-out is therefore extended by twice the lag of its timer.
"""

import asyncio
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

_LAG_SECONDS = 0.005
_MAX_EXTENSIONS = 7


class EventLoopLagError(TimeoutError):
    """The time-out passed while the event loop was lagging: Redis may be healthy."""


class LagTolerantTimeout:
    """An asynchronous context manager like `asyncio.timeout`, extended while the loop lags.

    Raises:
        EventLoopLagError: the time-out passed, and the event loop was still lagging.
        TimeoutError: the time-out passed.
    """

    def __init__(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._seconds = max(seconds, 0.0)
        self._deadline = self._loop.time() + self._seconds
        self._extensions = 0
        self._lagging = False
        self._timeout = asyncio.timeout(None)

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        self._timer = self._loop.call_at(self._deadline, self._on_timer)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: "TracebackType | None",
    ) -> None:
        self._timer.cancel()
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError as timed_out:
            raise (EventLoopLagError() if self._lagging else TimeoutError()) from timed_out

    def _on_timer(self) -> None:
        now = self._loop.time()
        lag = now - self._deadline
        self._lagging = lag > _LAG_SECONDS
        if self._lagging and self._extensions < _MAX_EXTENSIONS:
            self._extensions += 1
            self._deadline = now + min(2 * lag, self._seconds)
            self._timer = self._loop.call_at(self._deadline, self._on_timer)
        else:
            self._timeout.reschedule(now)
