"""Checks that the time of a function grows linearly with the length of its input."""

import gc
import time
from collections.abc import Callable

_FACTOR = 8
# Linear growth gives 8, quadratic growth 64, and a linear part beside a quadratic one at least 20.
_MAX_RATIO = 16
# Shorter times are mostly noise, and harmless.
_MIN_SECONDS = 0.1


def assert_linear(function: Callable[[str], object], piece: str, length: int) -> None:
    """Compare the CPU time of `function` on `piece`, repeated to `length`, with an eighth of it.

    `function` caches nothing. A ratio holds on a machine of any speed; a limit in seconds does not.
    """
    whole = _seconds(function, piece * (length // len(piece)))
    if whole < _MIN_SECONDS:
        return
    eighth = min(_seconds(function, piece * (length // len(piece) // _FACTOR)) for _ in range(3))
    assert whole / eighth < _MAX_RATIO, f"{whole:.2f} s, and {eighth:.3f} s for an eighth"


def _seconds(function: Callable[[str], object], text: str) -> float:
    # A collection takes as long as the objects of all tests before this one need.
    gc.disable()
    try:
        start = time.thread_time()
        function(text)
        return time.thread_time() - start
    finally:
        gc.enable()
