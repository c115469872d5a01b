"""The tasks of a world: starts, cancels, freezes and awaits them."""

import asyncio
from collections.abc import Coroutine
from random import Random
from typing import Any

from tests.support.interleaving.adapters import FaultInjector


class Tasks:
    """All tasks in progress."""

    def __init__(self, rng: Random, fault_injector: FaultInjector) -> None:
        self._rng = rng
        self._faults = fault_injector
        self._tasks: list[asyncio.Future[Any]] = []

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.ensure_future(work))

    async def pause(self) -> None:
        """Yield a random number of times."""
        for _ in range(self._rng.choice((0, 2, 8, 30))):
            await asyncio.sleep(0)

    async def outcome(self, work: Coroutine[Any, Any, Any], *, freezes: bool = False) -> Any:
        """Await work. Return None if it was cancelled, detached or frozen."""
        attempt = asyncio.ensure_future(work)
        if freezes and self._faults.fails():
            self._faults.frozen.add(attempt)
            return None
        if self._faults.fails():
            await self.pause()
            if self._rng.random() < 0.5:
                self._tasks.append(attempt)
                return None
            attempt.cancel()
        try:
            return await attempt
        except asyncio.CancelledError:
            return None

    async def settle(self) -> None:
        """Await all tasks and those that they start, except frozen ones."""
        for task in self._tasks:  # the list grows meanwhile
            await task

    async def close(self) -> None:
        """Cancel the frozen tasks while the loop runs."""
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, *self._tasks, return_exceptions=True)
