"""The deadline of the current request, in a context variable.

A use case sets it once, with `deadline_scope`. Code that waits or retries reads it with
`remaining_seconds` or `timeout_at_deadline`. Tasks inherit the deadline of the task that starts
them.
"""

import asyncio
import math
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_deadline: ContextVar[float] = ContextVar("deadline", default=math.inf)  # event loop time


@contextmanager
def deadline_scope(seconds: float) -> "Iterator[None]":
    """Set the deadline to `seconds` from now, unless an enclosing scope ends earlier."""
    deadline = asyncio.get_running_loop().time() + seconds
    token = _deadline.set(min(deadline, _deadline.get()))
    try:
        yield
    finally:
        _deadline.reset(token)


def remaining_seconds() -> float:
    """Return the seconds until the deadline: negative after it, infinite without one."""
    return _deadline.get() - asyncio.get_running_loop().time()


def timeout_at_deadline() -> asyncio.Timeout:
    """Return a context manager that raises `TimeoutError` at the deadline."""
    deadline = _deadline.get()
    return asyncio.timeout_at(None if math.isinf(deadline) else deadline)
