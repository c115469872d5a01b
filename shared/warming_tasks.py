"""Warms in the process that applied the note change, where there is no queue."""

import asyncio
import contextvars
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_log = logging.getLogger(__name__)


class WarmingTasks:
    """Warms one user's pending questions after the other's, in one background task."""

    def __init__(self, warm: "Callable[[str, str], Awaitable[object]]") -> None:
        """`warm` is `Warmer.warm_pending`."""
        self._warm = warm
        self._requests: dict[str, str] = {}  # the latest fence by user
        self._task: asyncio.Task[None] | None = None

    async def send(self, user_id: str, fence: str) -> None:
        """Request warming. A request replaces the user's former one, whose fence is outdated."""
        self._requests[user_id] = fence
        loop = asyncio.get_running_loop()
        if self._task is None or self._task.done() or self._task.get_loop() is not loop:
            # A fresh context: the deadline and the span of this note change are not the task's.
            self._task = loop.create_task(self._run(), context=contextvars.Context())

    async def wait(self) -> None:
        """Wait until nothing is requested any more."""
        if self._task:
            await self._task

    async def aclose(self) -> None:
        """Stop. Questions that were not asked again stay pending in Redis."""
        self._requests.clear()
        task, self._task = self._task, None
        if task and task.get_loop() is asyncio.get_running_loop():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        while self._requests:
            user_id = next(iter(self._requests))
            try:
                await self._warm(user_id, self._requests.pop(user_id))
            except Exception:
                _log.exception("unhandled exception while answers were warmed")
