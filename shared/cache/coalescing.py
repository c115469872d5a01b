"""One look at the cache for all who ask the same of one process at the same moment.

Whoever asks before a look begins may be told what came of it: the look is later than the question,
so it heeds every change that was acknowledged before. Whoever asks while a look is under way may
not. They gather for a round trip, and then one of them looks for all. So a crowd that asks at once,
of any size, takes two looks of a process.
"""

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from shared.deadline import remaining
from shared.observability.timings import timed

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

T = TypeVar("T")

_GATHER_SECONDS = 0.02  # how long a crowd waits at most before its look, however long others take
_LATE_SECONDS = 0.25  # how long after the deadline whoever looked may still have something to tell


class Turn(Generic[T]):
    """One question's turn, as a context: unless it is `told` at once, it looks for itself.

    It says when it has `looked`, so that the next one may, and tells those who gathered for it.
    """

    def __init__(
        self,
        told: T | None = None,
        *,
        looked: "Callable[[], None] | None" = None,
        crowd: "asyncio.Future[T | None] | None" = None,
        gathered: float = 0.0,
    ) -> None:
        """It `gathered` for so many seconds, which its own look has less."""
        self.told = told
        self.looked = looked or (lambda: None)
        self.gathered = gathered
        self._crowd = crowd

    def tell(self, told: T) -> None:
        """Tell all who gathered for this turn what came of it."""
        if self._crowd:
            self._crowd.set_result(told)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Where there was nothing to tell, for its asker gave up, one of the others takes over."""
        self.looked()
        if self._crowd and not self._crowd.done():
            self._crowd.set_result(None)


class Coalescer(Generic[T]):
    """Gives out turns; what is told is of type `T`."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._looks: dict[Hashable, asyncio.Event] = {}
        self._crowds: dict[Hashable, asyncio.Future[T | None]] = {}

    async def turn(self, key: "Hashable") -> Turn[T]:
        """Wait for one's turn, or to be told.

        Those who ask the same bring the same `key`.

        Raises:
            TimeoutError: nothing was told by the deadline, or soon after.
        """
        loop = asyncio.get_running_loop()
        while (crowd := self._crowds.get(key)) is not None:
            with timed("wait"):
                await asyncio.wait({crowd}, timeout=remaining() + _LATE_SECONDS)
            if not crowd.done():
                raise TimeoutError
            if (told := crowd.result()) is not None:
                return Turn(told)
        gathered = 0.0
        if (former := self._looks.get(key)) is not None:
            crowd, began = loop.create_future(), loop.time()
            self._crowds[key] = crowd
            try:
                with timed("wait"), suppress(TimeoutError):
                    async with asyncio.timeout(_GATHER_SECONDS):
                        await former.wait()
            except BaseException:
                crowd.set_result(None)
                raise
            finally:
                del self._crowds[key]  # who asks from now on asks after this look began
            # It took longer only where this process was behind, which tells nothing of Redis.
            gathered = min(loop.time() - began, _GATHER_SECONDS)
        look = self._looks[key] = asyncio.Event()
        return Turn(looked=partial(self._over, key, look), crowd=crowd, gathered=gathered)

    def _over(self, key: "Hashable", look: asyncio.Event) -> None:
        look.set()
        if self._looks.get(key) is look:
            del self._looks[key]
