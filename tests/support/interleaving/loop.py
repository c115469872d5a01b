"""An event loop whose seed decides which task runs next and when time passes."""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from heapq import heappop
from random import Random
from typing import Any
from unittest.mock import patch

import zstandard

from shared.cache import codec

EPOCH = 1_800_000_000
"""The start of every world, in seconds since 1970."""

_TIMER_PROBABILITY = 0.1  # how often a timer fires although a task is ready


class ShuffledLoop(asyncio.BaseEventLoop):
    """Each step runs one random ready callback, or moves the time to the next timer."""

    # Attributes of the base class that its type stubs omit.
    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]

    def __init__(self, rng: Random) -> None:
        super().__init__()
        self._rng = rng
        self._now = 0.0

    def time(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Move the time, as if every container was frozen meanwhile."""
        self._now += seconds

    def _run_once(self) -> None:
        timers, ready = self._scheduled, self._ready
        while timers and timers[0].cancelled():
            heappop(timers)
        if timers and (not ready or self._rng.random() < _TIMER_PROBABILITY):
            handle: asyncio.Handle = heappop(timers)
            self._now = max(self._now, handle.when())  # type: ignore[attr-defined]  # a timer's
        elif ready:
            ready.rotate(-self._rng.randrange(len(ready)))
            handle = ready.popleft()
        else:
            raise RuntimeError("deadlock: every task waits and no timer is scheduled")
        if not handle.cancelled():
            handle._run()


# The product's dictionary, at a faster compression level.
_DICTIONARY = zstandard.ZstdCompressionDict(
    codec._DICTIONARY, dict_type=zstandard.DICT_TYPE_RAWCONTENT
)
_DICTIONARY.precompute_compress(level=1)
_FAST = zstandard.ZstdCompressor(dict_data=_DICTIONARY, level=1)


@contextmanager
def reproducible(rng: Random, loop: ShuffledLoop) -> Iterator[None]:
    """Patch the clock to follow the loop, tokens to follow the seed, and the compression level.

    Threads would not be reproducible: their work runs in the loop.
    """

    async def to_thread(work: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        return work(*arguments, **named)

    def token(size: int | None = None) -> str:
        # As long as real tokens.
        return f"{rng.getrandbits(128):032x}"[: ((size or 32) * 4 + 2) // 3]

    with (
        patch.object(time, "time", lambda: EPOCH + loop.time()),
        patch.object(time, "time_ns", lambda: int((EPOCH + loop.time()) * 1e9)),
        patch.object(secrets, "token_urlsafe", token),
        patch.object(asyncio, "to_thread", to_thread),
        patch.object(codec._compression, "compress", _FAST.compress),
    ):
        yield
