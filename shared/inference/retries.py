"""When a failed call is worth another try."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """When to try again: full jitter, and only what can still end before the deadline.

    Times are in seconds. Before retry n (from 0) the wait is what the host asked for, plus a
    random part of `first_wait` * 2**n, at most `longest_wait`; where the wait and `useful` more
    seconds do not fit before the deadline, the failure stands at once.
    """

    limit: int = 2
    first_wait: float = 0.25
    longest_wait: float = 2.0
    useful: float = 1.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Callable[[], float] = random.random

    def wait(self, retry: int, asked: float | None, seconds_left: float) -> float | None:
        """How long to wait before this retry; None if it is not to be."""
        jitter = self.random() * min(self.longest_wait, self.first_wait * 2**retry)
        wait = (asked or 0.0) + jitter
        fits = wait + self.useful <= seconds_left
        return wait if retry < self.limit and fits else None
