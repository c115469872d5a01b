"""An event loop that a seed decides: which task goes on, and when time passes."""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from heapq import heappop
from random import Random
from unittest.mock import patch

import zstandard

from shared.cache import codec

EPOCH = 1_800_000_000
"""When every world begins, in seconds since 1970."""

_HASTE = 0.1  # how often time moves on although somebody could still do something


class ShuffledLoop(asyncio.BaseEventLoop):
    """Each step runs one of the callbacks that are ready, or lets time pass to the next timer."""

    # Of the base class, whose type stubs leave them out.
    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]

    def __init__(self, rng: Random) -> None:
        super().__init__()
        self._rng = rng
        self._now = 0.0

    def time(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass at once, as when every container was frozen."""
        self._now += seconds

    def _run_once(self) -> None:
        timers, ready = self._scheduled, self._ready
        while timers and timers[0].cancelled():
            heappop(timers)
        if timers and (not ready or self._rng.random() < _HASTE):
            handle: asyncio.Handle = heappop(timers)
            self._now = max(self._now, handle.when())  # type: ignore[attr-defined]  # a timer's
        elif ready:
            ready.rotate(-self._rng.randrange(len(ready)))
            handle = ready.popleft()
        else:
            raise RuntimeError("every task waits for something that never comes")
        if not handle.cancelled():
            handle._run()


# Texts are read after the product's own prose, but pressed less.
_PROSE = zstandard.ZstdCompressionDict(codec._DICTIONARY, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
_PROSE.precompute_compress(level=1)
_FAST = zstandard.ZstdCompressor(dict_data=_PROSE, level=1)


@contextmanager
def reproducible(rng: Random, loop: ShuffledLoop) -> Iterator[None]:
    """Let the clock on the wall follow the loop's, and tokens the seed; compress in no time."""

    def token(size: int | None = None) -> str:
        # As long as the true ones; their alphabet's first 16 letters are enough.
        return f"{rng.getrandbits(128):032x}"[: ((size or 32) * 4 + 2) // 3]

    with (
        patch.object(time, "time", lambda: EPOCH + loop.time()),
        patch.object(time, "time_ns", lambda: int((EPOCH + loop.time()) * 1e9)),
        patch.object(secrets, "token_urlsafe", token),
        patch.object(codec._compression, "compress", _FAST.compress),
    ):
        yield
