"""Time-outs that judge Redis, and not this process.

Where a process has more to do than its processor can, replies lie there unread when their time is
up, and so does the time-out itself: it strikes late. That tells nothing of Redis, and to go on
without the cache would give the process even more to do. So whoever is struck late waits a little
longer: twice as long as it was late, for what is there to be read.
"""

import asyncio
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

_LATE_SECONDS = 0.005
_TRIES = 8


class EventLoopLagError(TimeoutError):
    """The process was behind to the last: this was no time-out of Redis'."""


class LagTolerantTimeout:
    """How long one round trip may take, from now on.

    Within it, as an asynchronous context, what outlasts it is cancelled, and `TimeoutError` raised:
    `EventLoopLagError` where the process was behind.
    """

    def __init__(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._seconds = max(seconds, 0.0)
        self._until = self._loop.time() + self._seconds
        self._tries = _TRIES
        self._late = False
        self._limit = asyncio.timeout(None)

    async def __aenter__(self) -> Self:
        await self._limit.__aenter__()
        self._timer = self._loop.call_at(self._until, self._strike)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: "TracebackType | None",
    ) -> None:
        self._timer.cancel()
        try:
            await self._limit.__aexit__(kind, error, trace)
        except TimeoutError as overdue:
            raise self.error() from overdue

    async def wait(self, task: "asyncio.Task[object]") -> None:
        """Wait for a task, which goes on afterwards where it is not done by then."""
        while not task.done():
            await asyncio.wait({task}, timeout=max(self._until - self._loop.time(), 0.0))
            if task.done() or self._is_over():
                return

    def error(self) -> TimeoutError:
        """Say that the time was up, and whose fault that was."""
        return EventLoopLagError() if self._late else TimeoutError()

    def _strike(self) -> None:
        if self._is_over():
            self._limit.reschedule(self._loop.time())
        else:
            self._timer = self._loop.call_at(self._until, self._strike)

    def _is_over(self) -> bool:
        """Say, when the time is up, whether it really is; else there is some more of it."""
        now = self._loop.time()
        late = now - self._until
        self._late = late > _LATE_SECONDS
        self._tries -= 1
        if not self._late or not self._tries:
            return True
        self._until = now + min(2 * late, self._seconds)
        return False
