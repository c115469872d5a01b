import asyncio

import pytest

from shared.observability.timings import (
    StepTiming,
    collect_timings,
    start_span,
    timed,
    total_milliseconds,
)


def test_steps_are_collected_in_order_with_their_times() -> None:
    with collect_timings() as steps:
        with timed("lookup"):
            pass
        with timed("search"):
            pass
    assert [step.name for step in steps] == ["lookup", "search"]
    assert steps[0].started + steps[0].seconds <= steps[1].started
    assert all(step.seconds >= 0 for step in steps)


def test_failed_step_is_collected() -> None:
    with collect_timings() as steps, pytest.raises(ValueError, match="broken"), timed("generate"):
        raise ValueError("broken")
    assert [step.name for step in steps] == ["generate"]


def test_steps_outside_a_request_are_discarded() -> None:
    with timed("before"):
        pass
    with collect_timings() as steps:
        pass
    with timed("after"):
        pass
    assert steps == []


async def test_concurrent_requests_collect_their_own_steps() -> None:
    """Steps of a request's tasks belong to that request."""

    async def request(name: str) -> list[str]:
        with collect_timings() as steps:
            await asyncio.gather(part(f"{name}1"), part(f"{name}2"))
            return [step.name for step in steps]

    async def part(name: str) -> None:
        with timed(name):
            await asyncio.sleep(0.001)

    first, second = await asyncio.gather(request("a"), request("b"))
    assert (sorted(first), sorted(second)) == (["a1", "a2"], ["b1", "b2"])


def test_total_milliseconds_adds_steps_of_one_name() -> None:
    steps = [
        StepTiming("load_miss_context", 1.0, 0.002),
        StepTiming("embed", 2.0, 0.1),
        StepTiming("load_miss_context", 3.0, 0.0035),
    ]
    assert total_milliseconds(steps) == {"load_miss_context": 5.5, "embed": 100.0}


def test_spans_are_no_ops_without_a_tracer() -> None:
    with (
        start_span("server", lambda name: (name, {}), "GET", {}) as span,
        start_span("client", lambda name: (name, {}), "PING") as call_span,
    ):
        call_span.set_attributes({"a": 1})
        span.update_name("GET /health")
    assert span.trace_id == ""
