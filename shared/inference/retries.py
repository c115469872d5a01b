"""When a failed call is retried."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """Exponential backoff with full jitter, within the deadline. Times are in seconds.

    The delay before retry n (from 0) is what the host asked for, plus a random part of
    `base_delay * 2**n`, which is `max_delay` at most. A call is not retried if fewer than
    `min_call_seconds` would remain after the delay.
    """

    max_retries: int = 2
    base_delay: float = 0.25
    max_delay: float = 2.0
    min_call_seconds: float = 1.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Callable[[], float] = random.random

    def delay(self, retry: int, retry_after: float | None, remaining: float) -> float | None:
        """Return the delay before this retry, or None if the call must not be retried.

        `retry_after` is what the host asked for, `remaining` the time until the deadline.
        """
        jitter = self.random() * min(self.max_delay, self.base_delay * 2**retry)
        delay = (retry_after or 0.0) + jitter
        fits = delay + self.min_call_seconds <= remaining
        return delay if retry < self.max_retries and fits else None
