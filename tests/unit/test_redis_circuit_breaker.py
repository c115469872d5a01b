"""The circuit breaker between a container and a Redis server."""

import logging

import pytest
from redis.exceptions import MovedError

from shared.cache.redis.circuit_breaker import OPEN_SECONDS, CircuitBreaker


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_an_open_breaker_allows_one_probe_each_interval() -> None:
    clock = Clock()
    breaker = CircuitBreaker(clock)
    assert breaker.allow_request()
    breaker.record_failure(TimeoutError())
    assert not breaker.allow_request()
    clock.now += OPEN_SECONDS
    assert [breaker.allow_request() for _ in range(3)] == [True, False, False]
    clock.now += OPEN_SECONDS
    assert breaker.allow_request(), "the first probe may have been cancelled"
    breaker.record_success()
    assert [breaker.allow_request() for _ in range(2)] == [True, True]


def test_an_outage_is_logged_and_counted_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "shared.cache")
    breaker = CircuitBreaker(Clock())
    for _ in range(5):
        breaker.record_failure(TimeoutError())
    assert [record.message for record in caplog.records] == ["the cache is unavailable"]
    breaker.record_success()
    breaker.record_success()
    assert [record.message for record in caplog.records[1:]] == ["the cache is available again"]
    assert [breaker.take_open_count(), breaker.take_open_count()] == [1, 0]


def test_a_permanent_failure_stops_all_requests_and_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, "shared.cache")
    clock = Clock()
    breaker = CircuitBreaker(clock)
    breaker.record_failure(MovedError("1 other:6379"), error_reply=True, permanent=True)
    for _ in range(3):
        clock.now += 10 * OPEN_SECONDS
        assert not breaker.allow_request()
        breaker.record_success()  # of a request that was in progress
        breaker.record_failure(TimeoutError())
    assert breaker.is_open
    (record,) = caplog.records
    assert record.log_fields == {  # type: ignore[attr-defined]  # set with `extra`
        "error": "MovedError",
        "remedy": "the server is a node of a cluster: set REDIS_CACHE_CLUSTER=true",
    }


def test_error_replies_do_not_stop_requests_but_keep_the_breaker_open() -> None:
    clock = Clock()
    breaker = CircuitBreaker(clock)
    breaker.record_failure(ValueError(), error_reply=True)
    assert [breaker.allow_request() for _ in range(2)] == [True, True]
    breaker.record_success()
    assert breaker.is_open
    clock.now += OPEN_SECONDS
    breaker.record_success()
    assert not breaker.is_open
