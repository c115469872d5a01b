"""What could not be counted waits for the next request, and what was paid is never forgotten."""

from dataclasses import replace

from shared.cache import counters
from shared.cache.counters import PendingCounters
from shared.cache.redis.client import RedisClient
from shared.cache.redis.factory import open_redis_client
from shared.cache.session import CacheSession
from tests.support.caches import PIPELINE, Cache, a_vector, an_answer, keys, sources


def session(
    cache: Cache, pending_counters: PendingCounters, redis_client: RedisClient | None
) -> CacheSession:
    return CacheSession(
        redis_client,
        cache.settings,
        user_id="ann",
        question="what is faith",
        pipeline=PIPELINE,
        pending_counters=pending_counters,
    )


async def test_a_question_that_leaves_no_trace_takes_nothing_of_the_others(cache: Cache) -> None:
    pending_counters = PendingCounters()
    pending_counters.add(cache_unavailable=3, spent_nanodollars=7)
    no_store = session(cache, pending_counters, None)
    await no_store.lookup()
    no_store.counters.record_outcome("none")
    assert dict(zip(*[iter(pending_counters.take())] * 2, strict=True)) == {
        "cache_unavailable": 3,
        "spent_nanodollars": 7,
    }


async def test_what_was_paid_while_redis_was_away_is_counted_when_it_is_back(cache: Cache) -> None:
    nobody = replace(cache.settings, redis_url="redis://127.0.0.1:1", redis_cluster=False)
    away, pending_counters = open_redis_client(nobody), PendingCounters()
    during = session(cache, pending_counters, away)
    await during.lookup()
    answer = an_answer()
    assert not await during.store(a_vector("what is faith"), sources(), answer)
    during.counters.record_outcome("none")
    await away.aclose()
    counted = dict(zip(*[iter(pending_counters.take())] * 2, strict=True))
    assert counted["spent_nanodollars"] == round(answer.cost * 1e9)
    assert counted["cache_unavailable"] == 1
    assert not counted.get("outcome_none")


async def test_an_outage_that_a_change_met_is_counted_once(cache: Cache) -> None:
    cache.redis_client.circuit_breaker.record_failure(ConnectionError("gone"))
    cache.redis_client.circuit_breaker.close()
    for _ in range(2):
        await cache.invalidation().rotate_fence("ann")
        await cache.invalidation().drop_entries("ann", [])
    key = counters.todays_key(keys().partition)
    assert await cache.redis("HGET", key, "redis_outages") == b"1"
