"""`lag_tolerant_timeout`: a time-out that a lagging event loop does not cause."""

import asyncio
import time

import pytest

from shared.cache.redis.timeouts import EventLoopLagError, lag_tolerant_timeout


async def block_loop(seconds: float) -> None:
    """Block the event loop repeatedly, 30 ms at a time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.03)  # noqa: ASYNC251  # this causes the lag
        await asyncio.sleep(0)


async def read_reply(iterations: int) -> str:
    """A reply that has arrived, and that the loop needs some iterations to read."""
    for _ in range(iterations):
        await asyncio.sleep(0)
    return "reply"


async def test_a_timeout_passes_when_there_is_no_lag() -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError) as raised:
        async with lag_tolerant_timeout(0.05):
            await asyncio.sleep(60)
    assert not isinstance(raised.value, EventLoopLagError)
    assert time.monotonic() - began >= 0.05


async def test_a_reply_that_has_arrived_is_read_in_spite_of_lag() -> None:
    blocking = asyncio.create_task(block_loop(1))
    async with lag_tolerant_timeout(0.04):
        assert await read_reply(6) == "reply"
    await blocking


async def test_a_shielded_task_is_awaited_in_spite_of_lag() -> None:
    blocking = asyncio.create_task(block_loop(1))
    task = asyncio.create_task(read_reply(6))
    async with lag_tolerant_timeout(0.04):
        assert await asyncio.shield(task) == "reply"
    await blocking


async def test_persistent_lag_raises_its_own_error() -> None:
    blocking = asyncio.create_task(block_loop(60))
    with pytest.raises(EventLoopLagError):
        async with lag_tolerant_timeout(0.02):
            await asyncio.sleep(60)
    blocking.cancel()


async def test_a_shielded_task_continues_after_the_timeout() -> None:
    task = asyncio.create_task(asyncio.sleep(60))
    with pytest.raises(TimeoutError) as raised:
        async with lag_tolerant_timeout(0.02):
            await asyncio.shield(task)
    assert not task.done()
    assert not isinstance(raised.value, EventLoopLagError)
    task.cancel()


async def test_other_errors_and_cancellations_are_not_translated() -> None:
    with pytest.raises(ZeroDivisionError):
        async with lag_tolerant_timeout(1):
            raise ZeroDivisionError
    with pytest.raises(asyncio.CancelledError):
        async with lag_tolerant_timeout(1):
            raise asyncio.CancelledError
