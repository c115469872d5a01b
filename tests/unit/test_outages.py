"""When a container asks Redis again after it failed."""

import logging

import pytest

from shared.cache.redis.circuit_breaker import OPEN_SECONDS, CircuitBreaker


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_after_a_failure_nobody_tries_until_the_quiet_is_over_and_then_one_at_a_time() -> None:
    clock = Clock()
    outages = CircuitBreaker(clock)
    assert outages.allow_request()
    outages.record_failure(TimeoutError())
    assert not outages.allow_request()
    clock.now += OPEN_SECONDS
    assert [outages.allow_request() for _ in range(3)] == [True, False, False]
    clock.now += OPEN_SECONDS
    assert outages.allow_request(), "whoever probed may have been cancelled"
    outages.record_success()
    assert [outages.allow_request() for _ in range(2)] == [True, True]


def test_an_outage_is_told_and_counted_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "shared.cache")
    outages = CircuitBreaker(Clock())
    for _ in range(5):
        outages.record_failure(TimeoutError())
    assert [record.message for record in caplog.records] == ["the cache is unavailable"]
    outages.record_success()
    outages.record_success()
    assert [record.message for record in caplog.records[1:]] == ["the cache is available again"]
    assert [outages.take_open_count(), outages.take_open_count()] == [1, 0]


def test_a_server_that_refuses_is_asked_again_but_is_not_well_while_it_refuses() -> None:
    clock = Clock()
    outages = CircuitBreaker(clock)
    outages.record_failure(ValueError(), refused=True)
    assert [outages.allow_request() for _ in range(2)] == [True, True]
    outages.record_success()
    assert outages.is_open
    clock.now += OPEN_SECONDS
    outages.record_success()
    assert not outages.is_open
