"""Timings of a request's steps, and hooks for trace spans.

`with timed("search"):` measures one step; `with collect_timings() as steps:` surrounds one request,
and outside of a request timings are discarded. With tracing enabled (`tracing.py`) each step is a
span, and so is each `with start_span(...):`, which surrounds a request or a call to another server.
"""

import time
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar, Token
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

T = TypeVar("T")

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Attributes: TypeAlias = Mapping[str, str | int | float | bool | Sequence[str]]
    Carrier: TypeAlias = Mapping[str, str]
    SpanStarter: TypeAlias = Callable[
        [str, Attributes, str, Carrier], AbstractContextManager["Span"]
    ]
    Describe: TypeAlias = Callable[[T], tuple[str, Attributes]]


_EMPTY: "Mapping[str, str]" = MappingProxyType({})


class StepTiming(NamedTuple):
    """One step: its start, by `time.perf_counter`, and its duration; both in seconds."""

    name: str
    started: float
    seconds: float


class Span:
    """A trace span; this base class records nothing."""

    trace_id: str = ""
    """32 hexadecimal digits, or empty without a trace."""

    def set_attributes(self, attributes: "Attributes") -> None:
        """Add attributes; `error.type` also marks the span as failed."""

    def update_name(self, name: str) -> None:
        """Replace the span's name."""


_steps: ContextVar[list[StepTiming] | None] = ContextVar("steps", default=None)
_NO_SPAN = nullcontext(Span())
_tracer: "SpanStarter | None" = None
_flush: "Callable[[], None] | None" = None


def set_tracer(tracer: "SpanStarter | None", flush: "Callable[[], None] | None" = None) -> None:
    """Enable spans, or disable them with None.

    Args:
        tracer: starts a span that ends with the `with` block. Its arguments are the name,
            attributes by OpenTelemetry's semantic conventions without private text, the kind
            (`internal`, `client`, `server` or `consumer`), and a carrier: propagation headers,
            names in lower case, of which `traceparent` names the parent.
        flush: exports the ended spans before the process may be suspended.
    """
    global _tracer, _flush  # tracing is configured once for a process
    _tracer, _flush = tracer, flush


# Classes, because generator context managers take twice as long.


class _Collection:
    """The steps of one request."""

    __slots__ = ("_token",)
    _token: "Token[list[StepTiming] | None]"

    def __enter__(self) -> list[StepTiming]:
        steps: list[StepTiming] = []
        self._token = _steps.set(steps)
        return steps

    def __exit__(self, *_: object) -> None:
        _steps.reset(self._token)


class _Timer:
    """A running step."""

    __slots__ = ("_name", "_span", "_started", "_steps")

    def __init__(self, name: str) -> None:
        self._name = name
        self._span = _tracer(name, _EMPTY, "internal", _EMPTY) if _tracer else _NO_SPAN

    def __enter__(self) -> None:
        self._span.__enter__()
        self._steps = _steps.get()
        self._started = time.perf_counter()

    def __exit__(self, *error: object) -> None:
        if self._steps is not None:
            elapsed = time.perf_counter() - self._started
            self._steps.append(StepTiming(self._name, self._started, elapsed))
        self._span.__exit__(*error)  # type: ignore[arg-type]  # passed on as received


def collect_timings() -> AbstractContextManager[list[StepTiming]]:
    """Collect the steps measured within, in the order in which they end."""
    return _Collection()


def timed(name: str) -> AbstractContextManager[None]:
    """Measure a step, whether it succeeds or fails."""
    return _Timer(name)


def start_span(
    kind: str, describe: "Describe[T]", subject: T, carrier: "Carrier" = _EMPTY
) -> AbstractContextManager[Span]:
    """Trace a request, a message or a call to another server.

    Args:
        kind: `server` for a request, `consumer` for a message, `client` for a call.
        describe: returns the span's name and attributes; called only if tracing is enabled.
        subject: the argument of `describe`.
        carrier: propagation headers, see `set_tracer`; without them the current step is the parent.
    """
    return _tracer(*describe(subject), kind, carrier) if _tracer else _NO_SPAN


def flush_spans() -> None:
    """Export the ended spans before the process may be suspended."""
    if _flush:
        _flush()


def total_milliseconds(steps: "list[StepTiming]") -> dict[str, float]:
    """Return the total milliseconds of the steps by name, for the log."""
    sums: dict[str, float] = {}
    for name, _, seconds in steps:
        sums[name] = sums.get(name, 0.0) + seconds
    return {name: round(seconds * 1000, 2) for name, seconds in sums.items()}
