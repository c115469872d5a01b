"""Timings of a request's steps, and hooks for trace spans.

`with timed("search"):` measures one step; `with call(described, commands):` marks a call to another
server. `with collect_timings() as steps:` and `with root(...):` surround one request; outside of a
request timings are discarded. With tracing enabled (`tracing.py`) each of the three is a span.
"""

import time
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Attributes: TypeAlias = Mapping[str, str | int | float | bool | Sequence[str]]


T = TypeVar("T")


class Step(NamedTuple):
    """One step: when it began, by `time.perf_counter`, and how long it took; both in seconds."""

    name: str
    began: float
    seconds: float


class Span:
    """What a trace tells of one thing; this one goes nowhere."""

    trace_id: str = ""
    """32 hexadecimal digits; empty where there is no trace."""

    def tell(self, attributes: "Attributes") -> None:
        """Add what is known by now. `error.type` says that it failed."""

    def rename(self, name: str) -> None:
        """Give it the name that is known by now."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None = None, *_: object) -> None:
        """It ends; an error that ends it is told by its type alone."""


class Tracing(Protocol):
    """Makes spans."""

    def timed(self, name: str) -> Span:
        """Trace a step of our own."""

    def call(self, name: str, attributes: "Attributes") -> Span:
        """Trace what is asked of another server."""

    def root(
        self, name: str, kind: str, attributes: "Attributes", carried: "Mapping[str, str]"
    ) -> Span:
        """Trace a request, as a part of the trace that was `carried` with it, if any."""

    def flush(self) -> None:
        """Send off what ended, where the process may stand still from now on."""


_steps: ContextVar[list[Step] | None] = ContextVar("steps", default=None)
_NOWHERE = Span()
_tracing: Tracing | None = None


def trace(tracing: Tracing | None) -> None:
    """Make spans from now on, or none."""
    global _tracing  # noqa: PLW0603  # one process has one way to trace
    _tracing = tracing


@contextmanager
def collect_timings() -> "Iterator[list[Step]]":
    """Keep what is taken within, in the order in which the steps end."""
    steps: list[Step] = []
    token = _steps.set(steps)
    try:
        yield steps
    finally:
        _steps.reset(token)


class _Taken:
    """A step under way. A class, for a generator would take twice as long."""

    __slots__ = ("_began", "_name", "_span", "_steps")

    def __init__(self, name: str) -> None:
        self._name = name
        self._span = _tracing.timed(name) if _tracing else None

    def __enter__(self) -> None:
        if self._span is not None:
            self._span.__enter__()
        self._steps = _steps.get()
        self._began = time.perf_counter()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._steps is not None:
            self._steps.append(Step(self._name, self._began, time.perf_counter() - self._began))
        if self._span is not None:
            self._span.__exit__(kind)


def timed(name: str) -> AbstractContextManager[None]:
    """Take a step, whether it succeeds or not."""
    return _Taken(name)


def call(described: "Callable[[T], tuple[str, Attributes]]", about: T) -> Span:
    """Ask something of another server: for traces alone, as a part of a step.

    `described` gives a name and attributes, where they are wanted: by OpenTelemetry's semantic
    conventions, and never what anybody wrote.
    """
    return _tracing.call(*described(about)) if _tracing else _NOWHERE


def root(name: str, kind: str, attributes: "Attributes", carried: "Mapping[str, str]") -> Span:
    """Serve a request: `kind` is `server`, or `consumer` for a message.

    `carried` is what came with it, headers or attributes by their names in lower case, of which
    `traceparent` tells the trace that it is a part of.
    """
    return _tracing.root(name, kind, attributes, carried) if _tracing else _NOWHERE


def flush() -> None:
    """Send off the spans that ended, where the process may stand still from now on."""
    if _tracing:
        _tracing.flush()


def milliseconds(steps: "list[Step]") -> dict[str, float]:
    """Sum up steps of one name, for the log."""
    sums: dict[str, float] = {}
    for name, _, seconds in steps:
        sums[name] = sums.get(name, 0.0) + seconds
    return {name: round(seconds * 1000, 2) for name, seconds in sums.items()}
