"""The circuit breaker of one model, without other containers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from math import inf
from typing import Any

import pytest

from shared.deadline import deadline_scope
from shared.errors import (
    CircuitOpenError,
    InferenceError,
    InferenceRefusedError,
    InferenceTimeoutError,
)
from shared.inference.circuit_breaker import (
    PROBE_SECONDS,
    CallReport,
    CircuitBreaker,
    CircuitBreakers,
    ProbeLock,
)
from shared.settings import Settings

SETTINGS = Settings(
    breaker_failure_rate=0.5, breaker_min_calls=4, breaker_window=30, breaker_open_seconds=10
)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return create(clock)


def create(clock: Clock, probe_lock: ProbeLock | None = None) -> CircuitBreaker:
    return CircuitBreaker(
        "model", "https://models.example", SETTINGS, probe_lock=probe_lock, clock=clock
    )


async def call(
    breaker: CircuitBreaker, error: BaseException | None = None, seconds: float = inf
) -> None:
    """Make a call that has `seconds` and ends with `error`."""
    with deadline_scope(seconds):
        async with breaker.call():
            if error:
                raise error


async def fail(breaker: CircuitBreaker, times: int = 1, **given: Any) -> None:
    """Make calls that end with an error: by default with one that counts as a failure."""
    error = given.pop("error", InferenceError("no"))
    for _ in range(times):
        with pytest.raises(type(error)):
            await call(breaker, error, **given)


def update(breaker: CircuitBreaker, remaining_open: float | None) -> None:
    """Apply a shared state that was requested just now."""
    breaker.update(remaining_open, sent_at=breaker.clock())


async def create_half_open(clock: Clock, probe_lock: ProbeLock | None = None) -> CircuitBreaker:
    breaker = create(clock, probe_lock)
    await fail(breaker, 4)
    clock.now += 10
    return breaker


@pytest.fixture
async def half_open(clock: Clock) -> CircuitBreaker:
    return await create_half_open(clock)


class ScriptedLock:
    """A probe lock with the results of `acquire`, one after another: the last one repeats."""

    def __init__(self, results: list[bool | BaseException]) -> None:
        self._results = results
        self.released = 0

    async def acquire(self, breaker_id: str) -> bool:
        result = self._results.pop(0) if len(self._results) > 1 else self._results[0]
        if isinstance(result, BaseException):
            raise result
        return result

    async def release(self, breaker_id: str) -> None:
        self.released += 1


Step = Callable[[CircuitBreaker, Clock], Awaitable[object]]
"""One event in the history of a circuit breaker."""


def succeeds(times: int = 1) -> Step:
    async def step(breaker: CircuitBreaker, clock: Clock) -> None:
        for _ in range(times):
            await call(breaker)

    return step


def fails(times: int = 1, **given: Any) -> Step:
    return lambda breaker, _: fail(breaker, times, **given)


def wait(seconds: float) -> Step:
    async def step(_: CircuitBreaker, clock: Clock) -> None:
        clock.now += seconds

    return step


def shared_state(remaining_open: float | None) -> Step:
    async def step(breaker: CircuitBreaker, _: Clock) -> None:
        update(breaker, remaining_open)

    return step


LATE = InferenceTimeoutError("late")
FAILED_PROBES = [fails(4), *[wait(10), fails()] * 3]
HISTORIES: dict[str, tuple[str, Sequence[Step]]] = {
    "below the failure rate": ("closed", [succeeds(2), fails()]),
    "at the failure rate": ("open", [succeeds(2), fails(2)]),
    "below the minimum number of calls": ("closed", [fails(3)]),
    "failures in two windows": ("closed", [fails(3), wait(31), fails(3)]),
    "failures within one window": ("open", [fails(2), wait(15), fails(2)]),
    # A wrong token or an input that is too long is no fault of the model.
    "refused calls": ("closed", [fails(9, error=InferenceRefusedError("the token is wrong"))]),
    "late calls that had too little time": ("closed", [fails(9, error=LATE, seconds=0.5)]),
    "late calls that had enough time": ("open", [fails(4, error=LATE, seconds=20)]),
    "after its time": ("half-open", [fails(4), wait(10)]),
    "after a failed probe": ("open", [fails(4), wait(10), fails()]),
    "after its time since a failed probe": ("half-open", [*FAILED_PROBES, wait(10)]),
    "after a successful probe": ("closed", [*FAILED_PROBES, wait(10), succeeds()]),
    "failures from before it closed": ("closed", [fails(4), wait(10), succeeds(), fails(3)]),
    "shared state is open": ("open", [shared_state(5), wait(4)]),
    "shared state is half-open": ("half-open", [shared_state(-1)]),
    "shared state is closed again": ("closed", [shared_state(5), wait(5), shared_state(None)]),
    "shared state is missing, for example evicted": (
        "open",
        [fails(4), wait(9), shared_state(None)],
    ),
    "only this container opened it": ("closed", [fails(4), wait(11), shared_state(None)]),
    "failures from before another container's successful probe": (
        "closed",
        [fails(4), wait(10), shared_state(None), fails(3)],
    ),
}


@pytest.mark.parametrize("history", HISTORIES)
async def test_state_after_a_history_of_calls(
    breaker: CircuitBreaker, clock: Clock, history: str
) -> None:
    expected, steps = HISTORIES[history]
    for step in steps:
        await step(breaker, clock)
    assert breaker.state == expected


async def test_open_breaker_refuses_calls_and_says_how_long(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    await fail(breaker, 4)
    clock.now += 4
    with pytest.raises(CircuitOpenError) as raised:
        await call(breaker)
    assert raised.value.retry_after == pytest.approx(6)


def test_shared_state_keeps_the_breaker_open_no_longer_than_the_setting(
    breaker: CircuitBreaker,
) -> None:
    update(breaker, 1e9)
    assert breaker.remaining_open_seconds == pytest.approx(10)


def test_state_of_a_container_is_its_worst_breakers() -> None:
    breakers = CircuitBreakers.from_settings(SETTINGS)
    states = [breakers.state]
    update(breakers.embeddings, -1)
    states.append(breakers.state)
    update(breakers.chat, 9)
    states.append(breakers.state)
    assert states == ["closed", "half-open", "open"]


async def test_half_open_breaker_allows_one_call_at_a_time(half_open: CircuitBreaker) -> None:
    async with half_open.call():
        with pytest.raises(CircuitOpenError):
            await call(half_open)
    assert half_open.state == "closed"


async def test_probe_that_does_not_end_blocks_others_for_a_limited_time(
    half_open: CircuitBreaker, clock: Clock
) -> None:
    async with half_open.call():
        clock.now += PROBE_SECONDS
        await call(half_open)
    assert half_open.state == "closed"


async def test_call_with_too_little_time_does_not_probe(half_open: CircuitBreaker) -> None:
    with pytest.raises(CircuitOpenError):
        await call(half_open, seconds=0.5)
    await call(half_open)
    assert half_open.state == "closed"


async def test_cancelled_probe_lets_the_next_call_probe(half_open: CircuitBreaker) -> None:
    await fail(half_open, error=asyncio.CancelledError())
    await call(half_open)
    assert half_open.state == "closed"


async def test_cancelled_probe_releases_the_lock_and_other_calls_do_not(clock: Clock) -> None:
    probe_lock = ScriptedLock([True])
    await fail(create(clock, probe_lock), error=asyncio.CancelledError())
    assert probe_lock.released == 0
    await fail(await create_half_open(clock, probe_lock), error=asyncio.CancelledError())
    assert probe_lock.released == 1


async def test_container_without_the_probe_lock_does_not_probe(clock: Clock) -> None:
    breaker = await create_half_open(clock, ScriptedLock([False]))
    with pytest.raises(CircuitOpenError):
        await call(breaker)
    assert breaker.state == "half-open"


@pytest.mark.parametrize(
    ("first", "error"),
    [(False, CircuitOpenError), (asyncio.CancelledError(), asyncio.CancelledError)],
    ids=["refused", "cancelled"],
)
async def test_probe_lock_is_tried_again_after_a_second(
    clock: Clock, *, first: bool | BaseException, error: type[BaseException]
) -> None:
    breaker = await create_half_open(clock, ScriptedLock([first, True]))
    with pytest.raises(error):
        await call(breaker)
    with pytest.raises(CircuitOpenError):
        await call(breaker)
    clock.now += 1
    await call(breaker)
    assert breaker.state == "closed"


async def test_opening_and_closing_are_logged_once_without_the_url(
    breaker: CircuitBreaker, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """The URL may hold a password."""
    await fail(breaker, 4)
    await fail(breaker, 5, error=CircuitOpenError("it is open"))
    clock.now += 10
    await call(breaker)
    messages = [record.message for record in caplog.records]
    assert messages == ["circuit breaker opened", "circuit breaker closed"]
    assert not any("models.example" in str(vars(record)) for record in caplog.records)


async def test_opening_and_closing_by_shared_state_are_logged_once(
    breaker: CircuitBreaker, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        update(breaker, 10)
    clock.now += 10
    update(breaker, -1)
    update(breaker, None)
    update(breaker, None)
    messages = [record.message for record in caplog.records]
    assert messages == ["circuit breaker opened", "circuit breaker closed"]


async def test_reply_that_was_requested_before_a_change_is_ignored(
    half_open: CircuitBreaker, clock: Clock
) -> None:
    requested = clock.now
    clock.now += 1
    await call(half_open)
    half_open.update(-1, sent_at=requested)
    assert half_open.state == "closed"


async def test_calls_are_reported_once(breaker: CircuitBreaker, clock: Clock) -> None:
    await call(breaker)
    await fail(breaker)
    assert breaker.take_report() == CallReport(calls=2, failures=1)
    assert breaker.take_report() == CallReport()
    await fail(breaker, 3)
    clock.now += 10
    await fail(breaker)
    assert breaker.take_report() == CallReport(probe="failure")
    clock.now += 10
    await call(breaker)
    await call(breaker)
    assert breaker.take_report() == CallReport(calls=1, probe="success")


async def test_calls_of_earlier_windows_are_not_reported(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    for _ in range(50):
        await call(breaker)
        clock.now += 15
    assert breaker.take_report().calls <= 2


@pytest.mark.parametrize(
    "meanwhile",
    [[wait(31)], [fails(4), wait(10), succeeds()]],
    ids=["a window ended", "the breaker opened and closed"],
)
async def test_slow_call_does_not_count_after(
    breaker: CircuitBreaker, clock: Clock, meanwhile: Sequence[Step]
) -> None:
    async def fail_slowly() -> None:
        async with breaker.call():
            for step in meanwhile:
                await step(breaker, clock)
            raise InferenceError("no")

    with pytest.raises(InferenceError):
        await fail_slowly()
    await fail(breaker, 3)
    assert breaker.state == "closed"


async def test_calls_that_are_not_counted_change_nothing_and_need_a_closed_breaker(
    breaker: CircuitBreaker, half_open: CircuitBreaker
) -> None:
    for error in [InferenceError("failed")] * 9 + [None]:
        with suppress(InferenceError):
            async with breaker.call(counted=False):
                if error:
                    raise error
    assert (breaker.state, breaker.take_report()) == ("closed", CallReport())
    with pytest.raises(CircuitOpenError):
        async with half_open.call(counted=False):
            pass
    await call(half_open)
    assert half_open.state == "closed"
