"""Keeps a test within one UTC day, for tests that compare the counters of today."""

import time

_SECONDS_PER_DAY = 86_400


def stay_within_a_day(seconds: float) -> None:
    """Wait for the next UTC day if the current one ends within this time."""
    left = _SECONDS_PER_DAY - time.time() % _SECONDS_PER_DAY
    if left < seconds:
        time.sleep(left)
