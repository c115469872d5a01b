"""Times of things done in turns, so that a busy moment of the machine meets them all alike."""

import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from statistics import median


class Stopwatch:
    """Seconds that each of several sides took, again and again."""

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = {}

    @contextmanager
    def timing(self, side: str) -> Iterator[None]:
        """Time what is done once within the block."""
        start = time.perf_counter()
        yield
        self._seconds.setdefault(side, []).append(time.perf_counter() - start)

    def medians(self) -> dict[str, float]:
        """Median seconds of each side."""
        return {side: median(seconds) for side, seconds in self._seconds.items()}


async def medians(
    sides: Mapping[str, Callable[[], Awaitable[object]]], *, rounds: int, each: int
) -> dict[str, float]:
    """Do each side `each` times in a row, `rounds` times over: median seconds of one time."""
    watch = Stopwatch()
    for _ in range(rounds):
        for side, step in sides.items():
            for _ in range(each):
                with watch.timing(side):
                    await step()
    return watch.medians()
