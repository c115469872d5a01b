"""Counters that wait for a later round trip."""

from dataclasses import replace

import pytest

from shared.cache import counters
from shared.cache.counter_reader import CounterReader
from shared.cache.counters import PendingCounters
from shared.cache.redis.client import RedisClient
from shared.cache.redis.factory import open_redis_client
from shared.cache.session import CacheSession
from shared.cache.stats_snapshot import PeriodStats
from shared.errors import CacheUnavailableError
from tests.support.caches import PIPELINE, Cache, a_vector, an_answer, keys, sources

QUESTION = "what is faith"


def session(
    cache: Cache, pending_counters: PendingCounters, redis_client: RedisClient | None
) -> CacheSession:
    return CacheSession(
        redis_client,
        cache.settings,
        user_id="ann",
        question=QUESTION,
        pipeline=PIPELINE,
        pending_counters=pending_counters,
    )


async def total_of(cache: Cache) -> PeriodStats:
    return (await CounterReader(cache.redis_client).read_snapshot()).total


async def test_latency_is_counted_with_the_next_request_of_the_container(cache: Cache) -> None:
    pending = PendingCounters()
    await cache.ask()
    for _ in range(3):
        request = session(cache, pending, cache.redis_client)
        await request.lookup()
        request.counters.record_outcome("exact")
    assert (await total_of(cache)).latency("exact").count == 2
    await pending.flush(cache.redis_client)
    exact = (await total_of(cache)).latency("exact")
    assert exact.count == 3
    assert exact.mean_ms is not None
    assert 0 < exact.mean_ms < 1_000
    await pending.flush(cache.redis_client)
    assert (await total_of(cache)).latency("exact").count == 3


async def test_no_store_request_leaves_pending_counters_alone(cache: Cache) -> None:
    pending = PendingCounters()
    pending.add(cache_unavailable=3, spent_nanodollars=7)
    no_store = session(cache, pending, None)
    await no_store.lookup()
    no_store.counters.record_outcome("none")
    assert pending.take() == {"cache_unavailable": 3, "spent_nanodollars": 7}


async def test_cost_during_an_outage_waits_to_be_counted(cache: Cache) -> None:
    unreachable = replace(cache.settings, redis_url="redis://127.0.0.1:1", redis_cluster=False)
    redis_client, pending = open_redis_client(unreachable), PendingCounters()
    request = session(cache, pending, redis_client)
    await request.lookup()
    answer = an_answer()
    assert not await request.store(a_vector(QUESTION), sources(), answer)
    request.counters.record_outcome("none")
    await redis_client.aclose()
    counted = pending.take()
    assert counted["spent_nanodollars"] == round(answer.cost * 1e9)
    assert counted["cache_unavailable"] == 1
    assert not counted.get("outcome_none")


async def test_counters_of_a_failed_round_trip_are_sent_again(cache: Cache) -> None:
    pending = PendingCounters()
    await cache.ask()
    request = session(cache, pending, cache.redis_client)
    await request.lookup(only_fence=True)

    async def unavailable(*_: object, **__: object) -> None:
        raise CacheUnavailableError("unavailable")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache.redis_client, "execute", unavailable)
        assert not await request.store(a_vector(QUESTION), sources(), an_answer())
        request.counters.record_outcome("none")
        await pending.flush(cache.redis_client)
    await session(cache, pending, cache.redis_client).lookup()
    total = await total_of(cache)
    assert (total["cache_unavailable"], total["outcome_none"]) == (1, 2)
    assert sum(total.outcomes.values()) == total.requests
    assert total.cost_spent == pytest.approx(2 * 0.00026)


async def test_outage_during_a_note_change_is_counted_once(cache: Cache) -> None:
    cache.redis_client.circuit_breaker.record_failure(ConnectionError("gone"))
    cache.redis_client.circuit_breaker.close()
    for _ in range(2):
        await cache.invalidation().rotate_fence("ann")
        await cache.invalidation().drop_entries("ann", [])
    for key in counters.counter_keys(keys().partition)[1:]:
        assert await cache.redis("HGET", key, "redis_outages") == b"1"
