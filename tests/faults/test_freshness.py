"""Freshness during Redis faults: no answer is older than an acknowledged change."""

import asyncio
from random import Random

import pytest

from tests.support.fakes import create_container
from tests.support.load import Load
from tests.support.redis_faults import REDIS_FAULTS, FaultyRedis
from tests.support.waiting import until

USERS = [f"user {number}" for number in range(8)]


@pytest.mark.slow  # test_functions.py has each fault alone
async def test_answers_include_every_acknowledged_change_during_redis_faults(
    redis: FaultyRedis,
) -> None:
    rng = Random(1)
    load = Load(create_container(redis.url, redis_timeout=0.1), USERS)
    await asyncio.gather(*map(load.change, USERS))
    async with load.running():
        for fault in rng.sample(list(REDIS_FAULTS.values()), len(REDIS_FAULTS)):
            await asyncio.sleep(rng.uniform(0.2, 0.5))
            await asyncio.to_thread(fault, redis)
            await asyncio.sleep(rng.uniform(0.05, 0.6))
            await asyncio.to_thread(redis.recover)
            await _until_a_change_is_acknowledged(load)
    await asyncio.gather(*map(load.change, USERS))
    await asyncio.gather(*(load.ask(user, "What is faith?") for user in USERS))
    await load.container.aclose()
    assert not load.errors
    assert not load.stale
    assert {served.cache for served in load.served} == {"ok", "unavailable"}


async def _until_a_change_is_acknowledged(load: Load) -> None:
    """Wait until a note change is acknowledged again."""
    before = load.changes
    await until(lambda: load.changes > before)
