"""A time-out judges what is waited for, and not the process that waits."""

import asyncio
import time

import pytest

from shared.cache.redis.timeouts import EventLoopLagError, LagTolerantTimeout


async def busy(seconds: float) -> None:
    """Keep the loop from everything else, again and again."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.03)  # noqa: ASYNC251  # this is what is tested
        await asyncio.sleep(0)


async def replied(after: asyncio.Event, hops: int) -> str:
    """A reply that is there, and takes the loop some turns to be read."""
    await after.wait()
    for _ in range(hops):
        await asyncio.sleep(0)
    return "read"


async def test_what_does_not_come_is_given_up_in_time() -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError) as raised:
        async with LagTolerantTimeout(0.05):
            await asyncio.sleep(60)
    assert not isinstance(raised.value, EventLoopLagError)
    assert time.monotonic() - began >= 0.05


async def test_a_process_that_is_behind_still_reads_what_is_there() -> None:
    there = asyncio.Event()
    there.set()
    work = asyncio.create_task(busy(1))
    async with LagTolerantTimeout(0.04):
        assert await replied(there, 6) == "read"
    await work


async def test_so_it_does_where_a_task_goes_on_by_itself() -> None:
    there = asyncio.Event()
    there.set()
    work = asyncio.create_task(busy(1))
    task = asyncio.create_task(replied(there, 6))
    async with LagTolerantTimeout(0.04):
        assert await asyncio.shield(task) == "read"
    await work


async def test_a_process_that_is_behind_for_good_gives_up_and_says_whose_fault_it_was() -> None:
    work = asyncio.create_task(busy(60))
    with pytest.raises(EventLoopLagError):
        async with LagTolerantTimeout(0.02):
            await asyncio.sleep(60)
    work.cancel()


async def test_a_task_that_never_ends_is_left_to_itself() -> None:
    task = asyncio.create_task(asyncio.sleep(60))
    with pytest.raises(TimeoutError) as raised:
        async with LagTolerantTimeout(0.02):
            await asyncio.shield(task)
    assert not task.done()
    assert not isinstance(raised.value, EventLoopLagError)
    task.cancel()


async def test_other_errors_and_cancellations_pass() -> None:
    with pytest.raises(ZeroDivisionError):
        async with LagTolerantTimeout(1):
            raise ZeroDivisionError
    with pytest.raises(asyncio.CancelledError):
        async with LagTolerantTimeout(1):
            raise asyncio.CancelledError
