"""Times of things done in turns, so that a busy moment of the machine meets them all alike."""

import time
from collections.abc import Awaitable, Callable, Mapping
from statistics import median

Step = Callable[[], Awaitable[object]]


async def medians(sides: Mapping[str, Step], *, rounds: int, each: int = 1) -> dict[str, float]:
    """Do each side `each` times in a row, `rounds` times: median seconds of one time, by side."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, step in sides.items():
            for _ in range(each):
                start = time.perf_counter()
                await step()
                seconds[name].append(time.perf_counter() - start)
    return {name: median(times) for name, times in seconds.items()}
