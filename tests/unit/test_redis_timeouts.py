"""`LagTolerantTimeout`: a time-out that a lagging event loop does not cause."""

import asyncio
from collections import deque
from collections.abc import Coroutine
from heapq import heappop
from typing import Any

import pytest

from shared.cache.redis.timeouts import Budget, EventLoopLagError, LagTolerantTimeout


class LaggingLoop(asyncio.BaseEventLoop):
    """Its clock moves by `lag` seconds in each iteration, and to the next timer when idle."""

    # Attributes of the base class that its type stubs omit.
    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]

    def __init__(self, lag: float) -> None:
        super().__init__()
        self.lag = lag
        self._now = 0.0

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        if not self._ready:
            self._now = max(self._now, self._scheduled[0].when())
        self._now += self.lag
        while self._scheduled and self._scheduled[0].when() <= self._now:
            self._ready.append(heappop(self._scheduled))
        for _ in range(len(self._ready)):
            handle = self._ready.popleft()
            if not handle.cancelled():
                handle._run()


def run(test: Coroutine[Any, Any, None], *, lag: float) -> float:
    """Run a coroutine; return how many seconds it took on the clock of its loop."""
    loop = LaggingLoop(lag)
    try:
        loop.run_until_complete(test)
        return loop.time()
    finally:
        loop.close()


async def read_reply(iterations: int) -> str:
    """A reply that has arrived, and that the loop needs some iterations to read."""
    for _ in range(iterations):
        await asyncio.sleep(0)
    return "reply"


def test_a_timeout_passes_when_there_is_no_lag() -> None:
    async def wait() -> None:
        with pytest.raises(TimeoutError) as raised:
            async with LagTolerantTimeout(0.05):
                await asyncio.sleep(60)
        assert not isinstance(raised.value, EventLoopLagError)

    assert run(wait(), lag=0) == 0.05


def test_a_timer_that_is_late_by_its_resolution_does_not_extend_a_timeout() -> None:
    """Each timer of a real loop fires up to 1 ms late."""

    async def wait() -> None:
        with pytest.raises(TimeoutError) as raised:
            async with LagTolerantTimeout(0.08):
                await asyncio.sleep(60)
        assert not isinstance(raised.value, EventLoopLagError)

    assert run(wait(), lag=0.001) < 0.1


@pytest.mark.parametrize("shielded", [False, True])
def test_a_reply_that_has_arrived_is_read_in_spite_of_lag(*, shielded: bool) -> None:
    async def read() -> None:
        async with LagTolerantTimeout(0.04):
            reply = read_reply(6)
            assert await (asyncio.shield(reply) if shielded else reply) == "reply"

    assert run(read(), lag=0.03) > 0.04


def test_lag_that_ended_before_the_timeout_extends_it() -> None:
    async def read() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, LaggingLoop)
        async with LagTolerantTimeout(0.04):
            await read_reply(2)
            loop.lag = 0
            await asyncio.sleep(0.03)

    assert run(read(), lag=0.015) > 0.04


def test_a_budget_does_not_include_lag() -> None:
    budget = Budget(0.1)

    async def read() -> None:
        for _ in range(4):
            with budget.round_trip(0.08) as seconds:
                async with LagTolerantTimeout(seconds, budget):
                    await read_reply(2)

    assert run(read(), lag=0.03) > 2 * 0.1
    assert budget.left > 0


def test_a_budget_includes_the_time_without_lag() -> None:
    budget = Budget(0.1)

    async def wait() -> None:
        with budget.round_trip(0.08) as seconds:
            async with LagTolerantTimeout(seconds, budget):
                await asyncio.sleep(0.06)

    run(wait(), lag=0)
    assert budget.left == pytest.approx(0.04)


def test_persistent_lag_raises_its_own_error() -> None:
    async def wait() -> None:
        with pytest.raises(EventLoopLagError):
            async with LagTolerantTimeout(0.02):
                await asyncio.sleep(60)

    assert run(wait(), lag=0.03) < 1


def test_a_shielded_task_continues_after_the_timeout() -> None:
    async def wait() -> None:
        task = asyncio.create_task(asyncio.sleep(60, "done"))
        with pytest.raises(TimeoutError) as raised:
            async with LagTolerantTimeout(0.02):
                await asyncio.shield(task)
        assert not isinstance(raised.value, EventLoopLagError)
        assert await task == "done"

    assert run(wait(), lag=0) == 60


async def test_other_errors_and_cancellations_are_not_translated() -> None:
    with pytest.raises(ZeroDivisionError):
        async with LagTolerantTimeout(1):
            raise ZeroDivisionError
    with pytest.raises(asyncio.CancelledError):
        async with LagTolerantTimeout(1):
            raise asyncio.CancelledError
