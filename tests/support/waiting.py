"""Waits for conditions, with a time-out that suits a slow machine."""

import asyncio
from collections.abc import Awaitable, Callable

_TIMEOUT = 60.0  # seconds


async def until(holds: Callable[[], object]) -> None:
    """Wait until a condition holds. Fail after a minute."""
    async with asyncio.timeout(_TIMEOUT):
        while not holds():  # noqa: ASYNC110  # other threads and processes change it
            await asyncio.sleep(0.01)


async def repeated(attempt: Callable[[], Awaitable[bool]]) -> None:
    """Repeat an attempt until it succeeds. Fail after a minute."""
    async with asyncio.timeout(_TIMEOUT):
        while not await attempt():  # noqa: ASYNC110  # as above
            await asyncio.sleep(0.05)
