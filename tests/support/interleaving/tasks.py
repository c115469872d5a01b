"""The tasks of a world: started, killed, given up and waited for."""

import asyncio
from collections.abc import Coroutine
from random import Random
from typing import Any

from tests.support.interleaving.ports import Chance


class Tasks:
    """Everything that is under way."""

    def __init__(self, rng: Random, chance: Chance) -> None:
        self._rng = rng
        self._chance = chance
        self._tasks: list[asyncio.Future[Any]] = []

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.ensure_future(work))

    async def pause(self) -> None:
        """Between two deeds."""
        for _ in range(self._rng.choice((0, 2, 8, 30))):
            await asyncio.sleep(0)

    async def outcome(self, work: Coroutine[Any, Any, Any], *, freezes: bool = False) -> Any:
        """Wait for work that may be cancelled, or go on unheeded, or freeze for good: then None."""
        attempt = asyncio.ensure_future(work)
        if freezes and self._chance.strikes():
            self._chance.frozen.add(attempt)
            return None
        if self._chance.strikes():
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
        """Wait for whatever is under way, and what it starts, but not for what is frozen."""
        for task in self._tasks:  # which grows meanwhile
            await task

    async def close(self) -> None:
        """End what is frozen, while the loop still runs."""
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, *self._tasks, return_exceptions=True)
