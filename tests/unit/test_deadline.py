"""The deadline of a request is set once and read in every task below it."""

import asyncio
import math

import pytest

from shared.deadline import deadline_scope, remaining_seconds, timeout_at_deadline


async def test_without_a_scope_there_is_no_deadline() -> None:
    assert remaining_seconds() == math.inf
    async with timeout_at_deadline():
        await asyncio.sleep(0)


async def test_scope_sets_the_deadline_and_restores_the_former_one() -> None:
    with deadline_scope(60):
        assert 30 < remaining_seconds() <= 60
    assert remaining_seconds() == math.inf


async def test_inner_scope_can_shorten_the_deadline_but_not_extend_it() -> None:
    with deadline_scope(60):
        with deadline_scope(5):
            assert 0 < remaining_seconds() <= 5
        with deadline_scope(600):
            assert remaining_seconds() <= 60


async def test_tasks_inherit_the_deadline_and_do_not_change_that_of_their_parent() -> None:
    async def child() -> float:
        with deadline_scope(1):
            await asyncio.sleep(0)
            return remaining_seconds()

    with deadline_scope(60):
        assert await asyncio.create_task(child()) <= 1
        assert remaining_seconds() > 30


async def test_timeout_ends_the_block_at_the_deadline() -> None:
    with deadline_scope(0.01), pytest.raises(TimeoutError):
        async with timeout_at_deadline():
            await asyncio.sleep(60)


async def test_deadline_that_has_passed_is_negative_and_ends_the_block_at_once() -> None:
    with deadline_scope(-1):
        assert remaining_seconds() < 0
        with pytest.raises(TimeoutError):
            async with timeout_at_deadline():
                await asyncio.sleep(60)
