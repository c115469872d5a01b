"""A model's breaker by itself, without other containers."""

import asyncio
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
from shared.inference.circuit_breaker import PROBE_SECONDS, Calls, CircuitBreaker, CircuitBreakers
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
    return CircuitBreaker("model", "https://models.example", SETTINGS, clock=clock)


async def call(
    breaker: CircuitBreaker, outcome: BaseException | None = None, seconds: float | None = None
) -> None:
    """Call the model, and let that end so."""
    with deadline_scope(inf if seconds is None else seconds):
        async with breaker.call():
            if outcome:
                raise outcome


async def fail(breaker: CircuitBreaker, times: int = 1, **given: Any) -> None:
    for _ in range(times):
        with pytest.raises(InferenceError):
            await call(breaker, InferenceError("no"), **given)


async def test_it_opens_when_too_many_of_the_last_calls_failed(breaker: CircuitBreaker) -> None:
    await call(breaker)
    await call(breaker)
    await fail(breaker, 1)
    assert breaker.state == "closed"
    await fail(breaker, 1)
    assert breaker.state == "open"


async def test_few_calls_do_not_tell(breaker: CircuitBreaker) -> None:
    await fail(breaker, 3)
    assert breaker.state == "closed"


async def test_calls_of_long_ago_do_not_count(breaker: CircuitBreaker, clock: Clock) -> None:
    await fail(breaker, 3)
    clock.now += 31
    await fail(breaker, 3)
    assert breaker.state == "closed"


async def test_while_open_no_call_goes_through_and_the_caller_learns_how_long(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    await fail(breaker, 4)
    clock.now += 4
    with pytest.raises(CircuitOpenError) as raised:
        await call(breaker)
    assert raised.value.retry_after == pytest.approx(6)


async def test_after_the_pause_one_call_at_a_time_goes_through(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    await fail(breaker, 4)
    clock.now += 10
    assert breaker.state == "half-open"
    async with breaker.call():
        with pytest.raises(CircuitOpenError):
            await call(breaker)
    assert breaker.state == "closed"


async def test_a_probe_that_fails_opens_it_for_another_pause(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    await fail(breaker, 4)
    clock.now += 10
    await fail(breaker)
    assert breaker.state == "open"
    clock.now += 10
    assert breaker.state == "half-open"


async def test_once_closed_the_old_failures_are_forgotten(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    await fail(breaker, 4)
    clock.now += 10
    await call(breaker)
    await fail(breaker, 3)
    assert breaker.state == "closed"


async def test_a_probe_that_is_given_up_leaves_the_next_call_to_probe(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    await fail(breaker, 4)
    clock.now += 10
    with pytest.raises(asyncio.CancelledError):
        await call(breaker, asyncio.CancelledError())
    await call(breaker)
    assert breaker.state == "closed"


async def test_a_probe_that_never_ends_does_not_keep_the_breaker_open(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    await fail(breaker, 4)
    clock.now += 10
    async with breaker.call():
        clock.now += PROBE_SECONDS
        await call(breaker)
    assert breaker.state == "closed"


async def test_a_model_that_refuses_is_there(breaker: CircuitBreaker) -> None:
    """A wrong token or an input too long is no reason to leave the model alone."""
    for _ in range(9):
        with pytest.raises(InferenceRefusedError):
            await call(breaker, InferenceRefusedError("the token is wrong"))
    assert breaker.state == "closed"


async def test_a_call_that_was_given_no_time_says_nothing_of_the_model(
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


async def test_it_says_once_that_it_opened_and_once_that_it_closed(
    breaker: CircuitBreaker, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """And tells the model's name, never its URL, which may hold a password."""
    await fail(breaker, 4)
    for _ in range(5):
        with pytest.raises(CircuitOpenError):
            await call(breaker)
    clock.now += 10
    await call(breaker)
    assert [record.message for record in caplog.records] == ["breaker opened", "breaker closed"]
    assert not any("models.example" in str(vars(record)) for record in caplog.records)


async def test_what_others_met_opens_it_too(breaker: CircuitBreaker) -> None:
    breaker.learn_calls(Calls(answered=1, failed=5))
    assert breaker.state == "open"


async def test_what_others_opened_or_closed_is_open_or_closed_here(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    breaker.learn_pause(5)
    with pytest.raises(CircuitOpenError):
        await call(breaker)
    clock.now += 5
    breaker.learn_pause(None)
    await call(breaker)
    assert breaker.state == "closed"


async def test_failures_are_told_soon_and_successes_in_time(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    """Telling may cost a round trip to another node of a cluster."""
    await call(breaker)
    assert not breaker.must_tell(urgent=True)
    assert breaker.must_tell(urgent=False)
    breaker.tell()
    await call(breaker)
    assert not breaker.must_tell(urgent=False)
    clock.now += 6
    assert breaker.must_tell(urgent=False)
    await fail(breaker)
    assert breaker.must_tell(urgent=True)
    breaker.tell()
    assert not breaker.must_tell(urgent=True)


async def test_a_container_without_the_claim_does_not_probe(clock: Clock) -> None:
    breaker = CircuitBreaker("model", "url", SETTINGS, probes=Denying(), clock=clock)
    await fail(breaker, 4)
    clock.now += 10
    with pytest.raises(CircuitOpenError):
        await call(breaker)
    assert breaker.state == "half-open"


def test_a_containers_state_is_its_worst_breakers() -> None:
    breakers = CircuitBreakers.of(SETTINGS)
    assert breakers.state == "closed"
    breakers.embeddings.learn_pause(-1)
    assert breakers.state == "half-open"
    breakers.chat.learn_pause(9)
    assert breakers.state == "open"


class Denying:
    """Other containers probe, and never this one."""

    def __init__(self) -> None:
        self.released = 0

    async def claim(self, breaker_id: str) -> bool:
        return False

    async def release(self, breaker_id: str) -> None:
        self.released += 1


class Granting(Denying):
    async def claim(self, breaker_id: str) -> bool:
        return True


class Cancelling(Denying):
    async def claim(self, breaker_id: str) -> bool:
        raise asyncio.CancelledError


async def test_a_container_that_may_not_probe_asks_again_soon(clock: Clock) -> None:
    breaker = CircuitBreaker("model", "url", SETTINGS, probes=Denying(), clock=clock)
    await fail(breaker, 4)
    clock.now += 10
    with pytest.raises(CircuitOpenError):
        await call(breaker)
    breaker._probes = Granting()
    clock.now += 1
    await call(breaker)
    assert breaker.state == "closed"


async def test_a_probe_that_is_given_up_is_released_and_no_other_call_is(clock: Clock) -> None:
    probes = Granting()
    breaker = CircuitBreaker("model", "url", SETTINGS, probes=probes, clock=clock)
    with pytest.raises(asyncio.CancelledError):
        await call(breaker, asyncio.CancelledError())
    assert probes.released == 0
    await fail(breaker, 4)
    clock.now += 10
    with pytest.raises(asyncio.CancelledError):
        await call(breaker, asyncio.CancelledError())
    assert probes.released == 1


async def test_whoever_is_cancelled_while_it_claims_the_probe_may_claim_it_again(
    clock: Clock,
) -> None:
    breaker = CircuitBreaker("model", "url", SETTINGS, probes=Cancelling(), clock=clock)
    await fail(breaker, 4)
    clock.now += 10
    with pytest.raises(asyncio.CancelledError):
        await call(breaker)
    breaker._probes = Granting()
    await call(breaker)
    assert breaker.state == "closed"


async def test_a_call_that_may_not_probe_is_refused_until_another_has(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    await fail(breaker, 4)
    clock.now += 10
    with pytest.raises(CircuitOpenError):
        async with breaker.call(may_probe=False):
            pytest.fail("it probed")
    await call(breaker)
    assert breaker.state == "closed"


async def test_after_a_probe_that_failed_and_the_pause_another_call_goes_through(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    await fail(breaker, 4)
    for _ in range(3):
        clock.now += 10
        await fail(breaker)
    clock.now += 10
    await call(breaker)
    assert breaker.state == "closed"


async def test_when_another_containers_probe_went_well_old_failures_are_forgotten(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    await fail(breaker, 4)
    breaker.told(breaker.news or 0)
    clock.now += 10
    breaker.learn_pause(None)
    await fail(breaker, 3)
    assert breaker.state == "closed"


async def test_a_call_counts_when_it_began(breaker: CircuitBreaker, clock: Clock) -> None:
    """One that began before the last pause must not open the breaker anew, much later."""

    async def fail_slowly() -> None:
        async with breaker.call():
            clock.now += 31
            raise InferenceError("no")

    with pytest.raises(InferenceError):
        await fail_slowly()
    await fail(breaker, 3)
    assert breaker.state == "closed"


async def test_failures_on_both_sides_of_a_slots_edge_count_together(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    await fail(breaker, 2)
    clock.now += 15
    await fail(breaker, 2)
    assert breaker.state == "open"


async def test_news_that_nobody_heard_in_time_are_no_news(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    await fail(breaker, 4)
    assert breaker.news
    clock.now += 11
    breaker.learn_pause(None)
    assert breaker.state == "closed"


def test_nobody_elses_pause_is_longer_than_ones_own_would_be(breaker: CircuitBreaker) -> None:
    breaker.learn_pause(1e9)
    assert breaker.left == pytest.approx(10)


async def test_that_nobody_knows_of_a_pause_does_not_end_it(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    """What told of it may have been evicted."""
    await fail(breaker, 4)
    breaker.told(breaker.news or 0)
    clock.now += 9
    breaker.learn_pause(None)
    assert breaker.state == "open"


async def test_a_clock_that_is_set_back_makes_no_pause_longer(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    await fail(breaker, 4)
    clock.now -= 3_600
    assert breaker.state == "half-open"
    await call(breaker)
    assert breaker.state == "closed"


async def test_that_older_news_was_told_leaves_newer_news_untold(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    await fail(breaker, 4)
    opened = breaker.news or 0
    clock.now += 10
    await call(breaker)
    breaker.told(opened)
    assert breaker.news == clock.now


async def test_what_nobody_hears_of_does_not_pile_up(breaker: CircuitBreaker, clock: Clock) -> None:
    for _ in range(50):
        await call(breaker)
        clock.now += 15
    assert len(breaker._untold) <= 2
