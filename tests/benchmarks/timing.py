"""Times of things done in turns, so that a busy moment of the machine meets them all alike."""

import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from statistics import median


class Stopwatch:
    """Seconds that each of several sides took, round after round."""

    def __init__(self) -> None:
        self._rounds: list[dict[str, list[float]]] = [{}]

    @contextmanager
    def timing(self, side: str) -> Iterator[None]:
        """Time what is done once within the block."""
        start = time.perf_counter()
        yield
        self._rounds[-1].setdefault(side, []).append(time.perf_counter() - start)

    def next_round(self) -> None:
        """Begin another round: what is compared is compared within one."""
        self._rounds.append({})

    def median(self, side: str) -> float | None:
        """Median seconds of one time; None where there was none."""
        seconds = [second for sides in self._rounds for second in sides.get(side, ())]
        return median(seconds) if seconds else None

    def ratio(self, side: str, to: str) -> float:
        """How many times longer one side takes than another: the median of all rounds'."""
        whole = (sides for sides in self._rounds if side in sides and to in sides)
        return median(median(sides[side]) / median(sides[to]) for sides in whole)

    def difference(self, side: str, to: str) -> float:
        """How many seconds longer one side takes than another: the median of all rounds'."""
        whole = (sides for sides in self._rounds if side in sides and to in sides)
        return median(median(sides[side]) - median(sides[to]) for sides in whole)


async def in_turns(
    sides: Mapping[str, Callable[[], Awaitable[object]]], *, rounds: int, each: int
) -> Stopwatch:
    """Do each side `each` times in a row, `rounds` times over."""
    watch = Stopwatch()
    for _ in range(rounds):
        for side, step in sides.items():
            for _ in range(each):
                with watch.timing(side):
                    await step()
        watch.next_round()
    return watch
