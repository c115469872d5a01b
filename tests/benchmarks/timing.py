"""Timing of alternatives in turns, so that background load affects all of them alike."""

import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from statistics import median


class Stopwatch:
    """Collects the seconds that each side of a comparison takes, in rounds."""

    def __init__(self) -> None:
        self._rounds: list[dict[str, list[float]]] = [{}]

    @contextmanager
    def timing(self, side: str) -> Iterator[None]:
        """Measure the block as one sample of a side."""
        start = time.perf_counter()
        yield
        self._rounds[-1].setdefault(side, []).append(time.perf_counter() - start)

    def next_round(self) -> None:
        """Start another round. Comparisons use samples of the same round."""
        self._rounds.append({})

    def median(self, side: str) -> float | None:
        """Return the median of a side's samples in seconds; None without a sample."""
        seconds = [second for sides in self._rounds for second in sides.get(side, ())]
        return median(seconds) if seconds else None

    def ratio(self, side: str, to: str) -> float:
        """Return the median over all rounds of one side's time divided by another's."""
        rounds = (sides for sides in self._rounds if side in sides and to in sides)
        return median(median(sides[side]) / median(sides[to]) for sides in rounds)

    def difference(self, side: str, to: str) -> float:
        """Return the median over all rounds of one side's time minus another's, in seconds."""
        rounds = (sides for sides in self._rounds if side in sides and to in sides)
        return median(median(sides[side]) - median(sides[to]) for sides in rounds)


async def interleave(
    sides: Mapping[str, Callable[[], Awaitable[object]]], *, rounds: int, each: int
) -> Stopwatch:
    """Time every side in each round.

    Args:
        sides: the functions to time, by name.
        rounds: the number of rounds.
        each: how many times a round calls each function in a row.
    """
    watch = Stopwatch()
    for _ in range(rounds):
        for side, step in sides.items():
            for _ in range(each):
                with watch.timing(side):
                    await step()
        watch.next_round()
    return watch
