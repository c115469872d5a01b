"""A circuit breaker for each model, so that no request waits for a model that fails.

Closed: calls are allowed. The breaker opens when the failure rate of recent calls is too high.
Open: calls are refused for `open_seconds`. Half-open: one call, the probe, is allowed. It closes
the breaker, or opens it again.

Containers share the state in Redis: see `shared_circuit_state.py`. Without Redis each container
decides by its own calls.
"""

import logging
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, Self, TypeAlias

from shared.deadline import remaining_seconds
from shared.errors import (
    CircuitOpenError,
    InferenceError,
    InferenceRefusedError,
    InferenceTimeoutError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from shared.settings import Settings

CircuitState: TypeAlias = Literal["closed", "half-open", "open"]
_WORST_FIRST: tuple[CircuitState, ...] = ("open", "half-open", "closed")

PROBE_SECONDS = 30.0
"""How long one probe blocks others at most."""

_PROBE_RETRY_SECONDS = 1.0  # until the next attempt to acquire the probe lock
_MIN_CONCLUSIVE_SECONDS = 5.0  # or half of `inference_timeout`, if that is less
_log = logging.getLogger(__name__)


class ProbeLock(Protocol):
    """Lets one container at a time probe, by the id of the circuit breaker."""

    async def acquire(self, breaker_id: str) -> bool:
        """Return whether this container may probe."""

    async def release(self, breaker_id: str) -> None:
        """Let other containers probe: this one's probe gave no result."""


class CallReport(NamedTuple):
    """Calls not yet reported to the other containers; `probe` is `success`, `failure` or empty."""

    calls: int = 0
    failures: int = 0
    probe: str = ""


class CircuitBreaker:
    """The circuit breaker of one model in one container.

    A call can be a probe only if it has enough time for a time-out to count as a failure: half of
    `inference_timeout`, or 5 s where that is less.

    Args:
        model: the model's name.
        url: its URL; with the name it identifies the breaker in all containers.
        settings: the failure rate, the minimum number of calls and the durations.
        probe_lock: makes one of all containers probe.
        clock: a monotonic clock, in seconds.
    """

    def __init__(
        self,
        model: str,
        url: str,
        settings: "Settings",
        *,
        probe_lock: ProbeLock | None = None,
        clock: "Callable[[], float]" = time.monotonic,
    ) -> None:
        self.id = f"{url} {model}"
        self.open_seconds = settings.breaker_open_seconds
        self.window_seconds = settings.breaker_window
        self.min_calls = settings.breaker_min_calls
        self.failure_rate = settings.breaker_failure_rate
        self.clock = clock
        self._model = model
        self._probe_lock = probe_lock
        self._min_conclusive_seconds = min(_MIN_CONCLUSIVE_SECONDS, settings.inference_timeout / 2)
        self._open_until: float | None = None
        self._changed_at = -float("inf")
        self._next_probe = 0.0
        self._window_end = 0.0
        self._calls = self._failures = 0
        self._report = CallReport()

    @property
    def state(self) -> str:
        """`closed`, `half-open` or `open`."""
        seconds = self.remaining_open_seconds
        if seconds is None:
            return "closed"
        return "open" if seconds > 0 else "half-open"

    @property
    def remaining_open_seconds(self) -> float | None:
        """How long the breaker stays open; 0 or less if it is half-open, None if it is closed."""
        return None if self._open_until is None else self._open_until - self.clock()

    @asynccontextmanager
    async def call(self, *, counted: bool = True) -> "AsyncIterator[None]":
        """Record how the call within ends, if it is `counted`.

        Raises:
            CircuitOpenError: the breaker is open; or it is half-open, and another call probes or
                this one has too little time or is not counted.
        """
        if not counted:
            await self._allow_request(may_probe=False)
            yield
            return
        has_enough_time = remaining_seconds() >= self._min_conclusive_seconds
        is_probe = await self._allow_request(may_probe=has_enough_time)
        began = self.clock()
        failed: bool | None = None  # None: the outcome does not count
        try:
            yield
            failed = False
        except InferenceRefusedError:
            failed = False  # the model host works
            raise
        except InferenceError as error:
            failed = (
                True if has_enough_time or not isinstance(error, InferenceTimeoutError) else None
            )
            raise
        finally:
            # After PROBE_SECONDS another call may be the probe.
            is_probe = is_probe and self.clock() - began < PROBE_SECONDS
            if failed is not None:
                self._record(began, failed=failed, is_probe=is_probe)
            elif is_probe:
                self._next_probe = 0.0
                if self._probe_lock is not None:
                    await self._probe_lock.release(self.id)

    def take_report(self) -> CallReport:
        """Return, once, what is not yet reported to the other containers."""
        report, self._report = self._report, CallReport()
        return report

    def update(self, remaining_open: float | None, *, sent_at: float) -> None:
        """Apply the state that containers share.

        Args:
            remaining_open: as `remaining_open_seconds`. None does not close a breaker that is
                open: the shared state may have been evicted.
            sent_at: when the state was requested. It is ignored if the breaker has changed since.
        """
        if sent_at < self._changed_at:
            return
        if remaining_open is None:
            if self.state == "half-open":
                self._change(None)
            return
        open_until = self.clock() + min(remaining_open, self.open_seconds)
        if self._open_until is None:
            self._change(open_until)
        self._open_until = open_until

    async def _allow_request(self, *, may_probe: bool) -> bool:
        """Return whether the request is a probe, or raise `CircuitOpenError`."""
        seconds, now = self.remaining_open_seconds, self.clock()
        if seconds is None:
            return False
        if seconds <= 0 and may_probe and now >= self._next_probe:
            self._next_probe = now + _PROBE_RETRY_SECONDS
            if self._probe_lock is None or await self._probe_lock.acquire(self.id):
                self._next_probe = now + PROBE_SECONDS
                return True
        raise CircuitOpenError(
            "the model fails too often: its circuit breaker is open", retry_after=max(seconds, 1.0)
        )

    def _record(self, began: float, *, failed: bool, is_probe: bool) -> None:
        """Count a call, unless it began before the window or the last change of state."""
        now = self.clock()
        if is_probe:
            self._report = CallReport(probe="failure" if failed else "success")
            self._change(now + self.open_seconds if failed else None)
            return
        if began < max(self._changed_at, now - self.window_seconds):
            return
        if now >= self._window_end:
            self._calls = self._failures = 0
            self._report = CallReport(probe=self._report.probe)
            self._window_end = now + self.window_seconds
        self._calls += 1
        self._failures += failed
        calls, failures, probe = self._report
        self._report = CallReport(calls + 1, failures + failed, probe)
        too_many = self._failures >= self.failure_rate * self._calls
        if self._open_until is None and self._calls >= self.min_calls and too_many:
            self._change(now + self.open_seconds)

    def _change(self, open_until: float | None) -> None:
        """Open the breaker until a time of its clock, or close it."""
        if (open_until is None) != (self._open_until is None):
            message = "circuit breaker closed" if open_until is None else "circuit breaker opened"
            _log.warning(message, extra={"log_fields": {"model": self._model}})
        self._open_until = open_until
        self._changed_at = self.clock()
        self._next_probe = self._window_end = 0.0


class CircuitBreakers(NamedTuple):
    """The circuit breakers of a container: one for each model."""

    chat: CircuitBreaker
    embeddings: CircuitBreaker

    @classmethod
    def from_settings(cls, settings: "Settings", probe_lock: ProbeLock | None = None) -> Self:
        """Create them for the models that the settings name."""
        chat, embeddings = settings.chat_model, settings.embedding_model
        return cls(
            CircuitBreaker(chat, settings.chat_url, settings, probe_lock=probe_lock),
            CircuitBreaker(embeddings, settings.embedding_url, settings, probe_lock=probe_lock),
        )

    @property
    def state(self) -> CircuitState:
        """The worst of their states; `open` is the worst."""
        states = {breaker.state for breaker in self}
        return next(state for state in _WORST_FIRST if state in states)
