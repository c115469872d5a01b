"""The circuit breaker of one model, without other containers."""

import asyncio
from math import inf

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


async def fail(breaker: CircuitBreaker, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(InferenceError):
            await call(breaker, InferenceError("no"))


def update(breaker: CircuitBreaker, remaining_open: float | None) -> None:
    """Apply a shared state that was requested just now."""
    breaker.update(remaining_open, sent_at=breaker.clock())


async def test_breaker_opens_at_the_failure_rate(breaker: CircuitBreaker) -> None:
    await call(breaker)
    await call(breaker)
    await fail(breaker, 1)
    assert breaker.state == "closed"
    await fail(breaker, 1)
    assert breaker.state == "open"


async def test_breaker_stays_closed_below_the_minimum_number_of_calls(
    breaker: CircuitBreaker,
) -> None:
    await fail(breaker, 3)
    assert breaker.state == "closed"


async def test_calls_before_the_window_do_not_count(breaker: CircuitBreaker, clock: Clock) -> None:
    await fail(breaker, 3)
    clock.now += 31
    await fail(breaker, 3)
    assert breaker.state == "closed"


async def test_open_breaker_refuses_calls_and_says_how_long(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    await fail(breaker, 4)
    clock.now += 4
    with pytest.raises(CircuitOpenError) as raised:
        await call(breaker)
    assert raised.value.retry_after == pytest.approx(6)


async def test_half_open_breaker_allows_one_call_at_a_time(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    await fail(breaker, 4)
    clock.now += 10
    assert breaker.state == "half-open"
    async with breaker.call():
        with pytest.raises(CircuitOpenError):
            await call(breaker)
    assert breaker.state == "closed"


async def test_failed_probe_opens_the_breaker_again(breaker: CircuitBreaker, clock: Clock) -> None:
    await fail(breaker, 4)
    clock.now += 10
    await fail(breaker)
    assert breaker.state == "open"
    clock.now += 10
    assert breaker.state == "half-open"


async def test_closing_discards_earlier_failures(breaker: CircuitBreaker, clock: Clock) -> None:
    await fail(breaker, 4)
    clock.now += 10
    await call(breaker)
    await fail(breaker, 3)
    assert breaker.state == "closed"


async def test_cancelled_probe_lets_the_next_call_probe(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    await fail(breaker, 4)
    clock.now += 10
    with pytest.raises(asyncio.CancelledError):
        await call(breaker, asyncio.CancelledError())
    await call(breaker)
    assert breaker.state == "closed"


async def test_probe_that_does_not_end_blocks_others_for_a_limited_time(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    await fail(breaker, 4)
    clock.now += 10
    async with breaker.call():
        clock.now += PROBE_SECONDS
        await call(breaker)
    assert breaker.state == "closed"


async def test_refused_calls_are_no_failures(breaker: CircuitBreaker) -> None:
    """A wrong token or an input that is too long is no fault of the model."""
    for _ in range(9):
        with pytest.raises(InferenceRefusedError):
            await call(breaker, InferenceRefusedError("the token is wrong"))
    assert breaker.state == "closed"


async def test_time_out_of_a_call_with_too_little_time_is_no_failure(
    breaker: CircuitBreaker,
) -> None:
    for _ in range(9):
        with pytest.raises(InferenceTimeoutError):
            await call(breaker, InferenceTimeoutError("late"), seconds=0.5)
    assert breaker.state == "closed"
    for _ in range(4):
        with pytest.raises(InferenceTimeoutError):
            await call(breaker, InferenceTimeoutError("late"), seconds=20)
    assert breaker.state == "open"


async def test_opening_and_closing_are_logged_once_without_the_url(
    breaker: CircuitBreaker, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """The URL may hold a password."""
    await fail(breaker, 4)
    for _ in range(5):
        with pytest.raises(CircuitOpenError):
            await call(breaker)
    clock.now += 10
    await call(breaker)
    messages = [record.message for record in caplog.records]
    assert messages == ["circuit breaker opened", "circuit breaker closed"]
    assert not any("models.example" in str(vars(record)) for record in caplog.records)


async def test_shared_state_opens_and_closes_the_breaker(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    update(breaker, 5)
    with pytest.raises(CircuitOpenError):
        await call(breaker)
    clock.now += 5
    update(breaker, None)
    await call(breaker)
    assert breaker.state == "closed"


async def test_shared_state_can_be_half_open(breaker: CircuitBreaker) -> None:
    update(breaker, -1)
    assert breaker.state == "half-open"


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
    breaker: CircuitBreaker, clock: Clock
) -> None:
    await fail(breaker, 4)
    clock.now += 10
    requested = clock.now
    clock.now += 1
    await call(breaker)
    breaker.update(-1, sent_at=requested)
    assert breaker.state == "closed"


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


async def test_container_without_the_probe_lock_does_not_probe(clock: Clock) -> None:
    breaker = create(clock, HeldElsewhere())
    await fail(breaker, 4)
    clock.now += 10
    with pytest.raises(CircuitOpenError):
        await call(breaker)
    assert breaker.state == "half-open"


def test_state_of_a_container_is_its_worst_breakers() -> None:
    breakers = CircuitBreakers.from_settings(SETTINGS)
    states = [breakers.state]
    update(breakers.embeddings, -1)
    states.append(breakers.state)
    update(breakers.chat, 9)
    states.append(breakers.state)
    assert states == ["closed", "half-open", "open"]


class HeldElsewhere:
    """The probe lock while another container holds it."""

    def __init__(self) -> None:
        self.released = 0

    async def acquire(self, breaker_id: str) -> bool:
        return False

    async def release(self, breaker_id: str) -> None:
        self.released += 1


class Free(HeldElsewhere):
    """The probe lock while no other container holds it."""

    async def acquire(self, breaker_id: str) -> bool:
        return True


class Changing(HeldElsewhere):
    """A probe lock that gives its `outcomes` one after another."""

    def __init__(self, outcomes: list[bool | BaseException]) -> None:
        super().__init__()
        self._outcomes = iter(outcomes)

    async def acquire(self, breaker_id: str) -> bool:
        outcome = next(self._outcomes)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


async def test_probe_lock_is_tried_again_after_a_second(clock: Clock) -> None:
    breaker = create(clock, Changing([False, True]))
    await fail(breaker, 4)
    clock.now += 10
    for _ in range(2):  # the second call does not ask Redis
        with pytest.raises(CircuitOpenError):
            await call(breaker)
    clock.now += 1
    await call(breaker)
    assert breaker.state == "closed"


async def test_cancelled_probe_releases_the_lock_and_other_calls_do_not(clock: Clock) -> None:
    probe_lock = Free()
    breaker = create(clock, probe_lock)
    with pytest.raises(asyncio.CancelledError):
        await call(breaker, asyncio.CancelledError())
    assert probe_lock.released == 0
    await fail(breaker, 4)
    clock.now += 10
    with pytest.raises(asyncio.CancelledError):
        await call(breaker, asyncio.CancelledError())
    assert probe_lock.released == 1


async def test_call_that_is_cancelled_while_it_acquires_the_lock_blocks_others_for_a_second(
    clock: Clock,
) -> None:
    breaker = create(clock, Changing([asyncio.CancelledError(), True]))
    await fail(breaker, 4)
    clock.now += 10
    with pytest.raises(asyncio.CancelledError):
        await call(breaker)
    clock.now += 1
    await call(breaker)
    assert breaker.state == "closed"


async def test_call_with_too_little_time_does_not_probe(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    await fail(breaker, 4)
    clock.now += 10
    with pytest.raises(CircuitOpenError):
        await call(breaker, seconds=0.5)
    await call(breaker)
    assert breaker.state == "closed"


async def test_probe_is_allowed_after_each_failed_probe(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    await fail(breaker, 4)
    for _ in range(3):
        clock.now += 10
        await fail(breaker)
    clock.now += 10
    await call(breaker)
    assert breaker.state == "closed"


async def test_successful_probe_of_another_container_discards_earlier_failures(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    await fail(breaker, 4)
    clock.now += 10
    update(breaker, None)
    await fail(breaker, 3)
    assert breaker.state == "closed"


async def test_call_that_began_before_the_window_does_not_count(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    async def fail_slowly() -> None:
        async with breaker.call():
            clock.now += 31
            raise InferenceError("no")

    with pytest.raises(InferenceError):
        await fail_slowly()
    await fail(breaker, 3)
    assert breaker.state == "closed"


async def test_call_that_began_before_the_breaker_closed_does_not_count(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    async def fail_slowly() -> None:
        async with breaker.call():
            await fail(breaker, 4)
            clock.now += 10
            await call(breaker)
            raise InferenceError("no")

    with pytest.raises(InferenceError):
        await fail_slowly()
    await fail(breaker, 3)
    assert breaker.state == "closed"


async def test_failures_within_a_window_count_together(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    await fail(breaker, 2)
    clock.now += 15
    await fail(breaker, 2)
    assert breaker.state == "open"


async def test_breaker_that_only_this_container_opened_closes_after_its_time(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    await fail(breaker, 4)
    clock.now += 11
    update(breaker, None)
    assert breaker.state == "closed"


def test_shared_state_keeps_the_breaker_open_no_longer_than_the_setting(
    breaker: CircuitBreaker,
) -> None:
    update(breaker, 1e9)
    assert breaker.remaining_open_seconds == pytest.approx(10)


async def test_missing_shared_state_does_not_close_an_open_breaker(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    """The key may have been evicted."""
    await fail(breaker, 4)
    clock.now += 9
    update(breaker, None)
    assert breaker.state == "open"


async def test_calls_of_earlier_windows_are_not_reported(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    for _ in range(50):
        await call(breaker)
        clock.now += 15
    assert breaker.take_report().calls <= 2
