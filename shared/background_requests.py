"""Requests that this process handles in one background task, where there is no queue."""

import asyncio
import contextvars
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_MAX_PENDING = 1_000
_log = logging.getLogger(__name__)


class BackgroundRequests:
    """Handles one request after the other. Beyond 1,000 pending ones, requests are dropped."""

    def __init__(self, handle: "Callable[[str, str], Awaitable[object]]") -> None:
        """`handle` takes the key and the value of a request."""
        self._handle = handle
        self._pending: dict[str, str] = {}
        self._task: asyncio.Task[None] | None = None

    async def send(self, key: str, value: str) -> None:
        """Request what the handler does. The request replaces a pending one with its key."""
        if key in self._pending or len(self._pending) < _MAX_PENDING:
            self._pending[key] = value
        loop = asyncio.get_running_loop()
        if self._task is None or self._task.done() or self._task.get_loop() is not loop:
            # A new context: the deadline and the span of this request are not the task's.
            self._task = loop.create_task(self._run(), context=contextvars.Context())

    async def wait(self) -> None:
        """Wait until nothing is pending."""
        if self._task:
            await self._task

    async def aclose(self) -> None:
        """Stop, and drop what is pending."""
        self._pending.clear()
        task, self._task = self._task, None
        if task and task.get_loop() is asyncio.get_running_loop():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        while self._pending:
            key = next(iter(self._pending))
            try:
                await self._handle(key, self._pending.pop(key))
            except Exception:
                _log.exception("unhandled exception in a background request")
