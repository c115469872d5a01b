"""One look at the cache for all who ask the same of one process at the same moment.

Whoever asks before a look begins may be told what came of it: the look is later than the question,
so it heeds every change that was acknowledged before. Whoever asks while a look is under way may
not. They gather until it is over, a round trip at most, and then one of them looks for all. So a
crowd of any size takes two looks of a process.
"""

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from shared.steps import step

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

T = TypeVar("T")


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
    ) -> None:
        self.told = told
        self.looked = looked or (lambda: None)
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

    async def turn(self, key: "Hashable", deadline: float) -> Turn[T]:
        """Wait for one's turn, or to be told.

        Those who ask the same bring the same `key`. `deadline` is a time of the loop's clock:
        whoever is told nothing until then looks for itself.
        """
        loop = asyncio.get_running_loop()
        while (crowd := self._crowds.get(key)) is not None:
            with step("wait"):
                await asyncio.wait({crowd}, timeout=deadline - loop.time())
            if not crowd.done():
                return Turn()
            if (told := crowd.result()) is not None:
                return Turn(told)
        if (former := self._looks.get(key)) is not None:
            crowd = self._crowds[key] = loop.create_future()
            try:
                await former.wait()
            except BaseException:
                crowd.set_result(None)
                raise
            finally:
                del self._crowds[key]  # who asks from now on asks after this look began
        look = self._looks[key] = asyncio.Event()
        return Turn(looked=partial(self._over, key, look), crowd=crowd)

    def _over(self, key: "Hashable", look: asyncio.Event) -> None:
        look.set()
        if self._looks.get(key) is look:
            del self._looks[key]
