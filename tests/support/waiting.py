"""Wait for what will come, however slow the machine is."""

import asyncio
from collections.abc import Awaitable, Callable

_PATIENCE = 60.0  # seconds


async def until(holds: Callable[[], object]) -> None:
    """Look again and again, until it holds; what does not in a minute fails the test."""
    async with asyncio.timeout(_PATIENCE):
        while not holds():  # noqa: ASYNC110  # it changes in other threads and processes
            await asyncio.sleep(0.01)


async def repeated(attempt: Callable[[], Awaitable[bool]]) -> None:
    """Try until it succeeds, as a queue does."""
    async with asyncio.timeout(_PATIENCE):
        while not await attempt():  # noqa: ASYNC110  # as above
            await asyncio.sleep(0.05)
