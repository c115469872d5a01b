"""Tests that look at one day's figures begin and end on that day."""

import time

_DAY = 86_400


def stay_within_a_day(seconds: float) -> None:
    """Wait for the next day (UTC) where this one ends before so many seconds have passed."""
    left = _DAY - time.time() % _DAY
    if left < seconds:
        time.sleep(left)
