import asyncio

import pytest

from shared.observability.timings import (
    StepTiming,
    client_span,
    collect_timings,
    request_span,
    timed,
    total_milliseconds,
)


def test_steps_are_kept_in_order_with_their_times() -> None:
    """Whoever records gets each step's name, begin and length."""
    with collect_timings() as steps:
        with timed("lookup"):
            pass
        with timed("search"):
            pass
    assert [taken.name for taken in steps] == ["lookup", "search"]
    assert steps[0].started + steps[0].seconds <= steps[1].started
    assert all(taken.seconds >= 0 for taken in steps)


def test_a_step_that_fails_is_kept_too() -> None:
    """What failed took its time as well."""
    with collect_timings() as steps, pytest.raises(ValueError, match="broken"), timed("generate"):
        raise ValueError("broken")
    assert [taken.name for taken in steps] == ["generate"]


def test_nothing_is_kept_where_nobody_records() -> None:
    """A step outside a request, and after one, goes nowhere."""
    with timed("before"):
        pass
    with collect_timings() as steps:
        pass
    with timed("after"):
        pass
    assert steps == []


async def test_requests_side_by_side_keep_their_own_steps() -> None:
    """A request's steps never land with another's, and those of its tasks land with its own."""

    async def request(name: str) -> list[str]:
        with collect_timings() as steps:
            await asyncio.gather(part(f"{name}1"), part(f"{name}2"))
            return [taken.name for taken in steps]

    async def part(name: str) -> None:
        with timed(name):
            await asyncio.sleep(0.001)

    first, second = await asyncio.gather(request("a"), request("b"))
    assert (sorted(first), sorted(second)) == (["a1", "a2"], ["b1", "b2"])


def test_steps_of_one_name_are_summed_up_for_the_log() -> None:
    """A question that surveys twice has one figure for it, in milliseconds."""
    steps = [
        StepTiming("load_miss_context", 1.0, 0.002),
        StepTiming("embed", 2.0, 0.1),
        StepTiming("load_miss_context", 3.0, 0.0035),
    ]
    assert total_milliseconds(steps) == {"load_miss_context": 5.5, "embed": 100.0}


def test_without_traces_a_request_and_a_call_leave_nothing() -> None:
    """They can be told anything, and have no trace."""
    with (
        request_span("GET", "server", {}, {}) as span,
        client_span(lambda name: (name, {}), "PING") as asked,
    ):
        asked.set_attributes({"a": 1})
        span.update_name("GET /health")
    assert span.trace_id == ""
