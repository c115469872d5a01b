"""What one request's way took, step by step: told where a step is taken, kept by who asked for it.

Code that takes a step says `with step("search"):` and needs nothing handed down; whoever serves a
request says `with recorded() as steps:` around it. Outside of one, steps are not kept.
"""

import time
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Step:
    """One step: when it began, by `time.perf_counter`, and how long it took; both in seconds."""

    name: str
    began: float
    seconds: float


_steps: ContextVar[list[Step] | None] = ContextVar("steps", default=None)


@contextmanager
def recorded() -> "Iterator[list[Step]]":
    """Keep what is taken within, in the order in which the steps end."""
    steps: list[Step] = []
    token = _steps.set(steps)
    try:
        yield steps
    finally:
        _steps.reset(token)


@contextmanager
def step(name: str) -> "Iterator[None]":
    """Take a step, whether it succeeds or not."""
    steps = _steps.get()
    if steps is None:
        yield
        return
    began = time.perf_counter()
    try:
        yield
    finally:
        steps.append(Step(name, began, time.perf_counter() - began))
