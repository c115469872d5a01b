"""Counters of requests and note changes, on a fake Redis, a real Valkey and a real cluster."""

from typing import TYPE_CHECKING

import pytest

from shared.cache import index_entries, keyspace
from shared.cache.counter_reader import CounterReader
from shared.cache.counters import PendingCounters
from shared.cache.session import CacheSession
from tests.support.caches import PIPELINE, Cache, a_vector, an_answer, sources

if TYPE_CHECKING:
    from shared.cache.index_entries import Entry
    from shared.cache.stats_snapshot import PeriodStats

QUESTION = "what is faith"
FIELD = keyspace.question_field(QUESTION, PIPELINE.name)
COST = 0.00026


async def total_of(cache: Cache) -> "PeriodStats":
    return (await CounterReader(cache.redis_client).read_snapshot()).total


async def index_of(cache: Cache, user: str = "ann") -> "dict[str, Entry]":
    index = await cache.read_hash(keyspace.UserKeys.of(user).questions)
    return {
        name: entry for name, entry in index_entries.decode_index(index.items()).items() if entry
    }


async def test_counters_are_summed_over_partitions(cache: Cache) -> None:
    for number in range(12):
        await cache.ask(f"user {number}")
        for _ in range(number):
            await cache.session(f"user {number}").lookup()
    total = await total_of(cache)
    assert (total.requests, total.exact_hits, total["l1_misses"]) == (12 + 66, 66, 12)
    assert (total["l2_hits"], total["l2_misses"], total["l2_stores"]) == (11, 1, 1)
    assert (total["outcome_l2"], total["outcome_none"], total.answers_generated) == (11, 1, 12)
    assert total.cost_saved == pytest.approx(66 * COST)
    assert total.cost_spent == pytest.approx(12 * COST)
    assert (total.answer_hit_rate, total.combined_hit_rate) == (66 / 78, 77 / 78)


async def test_waiting_for_a_leader_counts_as_coalesced(cache: Cache) -> None:
    first, second = cache.session(), cache.session()
    for session in (first, second):
        await session.lookup()
        await session.load_miss_context()
    await first.store(a_vector(QUESTION), sources(), an_answer())
    assert (await second.wait_for_holder()).answer
    total = await total_of(cache)
    assert (total.requests, total["outcome_coalesced"], total["l1_hits"]) == (2, 1, 0)
    assert (total.answers_avoided, total.answers_generated) == (1, 1)
    assert total.cost_saved == pytest.approx(COST)


async def test_no_cache_request_is_neither_hit_nor_miss(cache: Cache) -> None:
    await cache.ask()
    session = cache.session()
    await session.lookup(only_fence=True)
    await session.store(a_vector(QUESTION), sources(), an_answer())
    total = await total_of(cache)
    assert (total.requests, total["no_cache"], total["l1_misses"]) == (2, 1, 1)


async def test_answer_from_a_cached_context_counts_as_an_l3_hit(cache: Cache) -> None:
    failed = cache.session()
    await failed.lookup()
    await failed.store(a_vector(QUESTION), sources(), None)
    await cache.ask()
    total = await total_of(cache)
    assert (total["l3_hits"], total["l3_misses"], total["l3_stores"]) == (1, 1, 2)
    assert (total["outcome_l3"], total.answers_generated, total["l1_stores"]) == (1, 1, 1)


async def test_outcomes_add_up_to_all_requests(cache: Cache) -> None:
    """Hits, generated answers, deferred outcomes, and a request that is still in progress."""
    pending = PendingCounters()
    await cache.ask()
    for outcome in ("exact", "stale", "extractive", "extractive", "no_notes", "failed", "exact"):
        session = cache.session(pending_counters=pending)
        await session.lookup(only_fence=outcome != "exact")
        session.counters.record_outcome(outcome)
    without_cache = CacheSession(
        None,
        cache.settings,
        user_id="ann",
        question=QUESTION,
        pipeline=PIPELINE,
        pending_counters=pending,
    )
    await without_cache.lookup()
    without_cache.counters.record_outcome("failed")
    await pending.flush(cache.redis_client)
    await cache.session(pending_counters=pending).lookup(only_fence=True)
    total = await total_of(cache)
    ended = {"stale": 1, "extractive": 2, "no_notes": 1, "failed": 1}
    expected = {"exact": 2, "none": 1, "other": 1} | ended
    assert total.outcomes == dict.fromkeys(total.outcomes, 0) | expected
    assert sum(total.outcomes.values()) == total.requests == 9


async def test_note_change_counts_dropped_and_retained_answers_and_its_lag(cache: Cache) -> None:
    for question in (QUESTION, "what is hope", "what is love"):
        await cache.ask(question=question)
    await cache.invalidation().drop_entries("ann", [FIELD], lag_ms=250)
    await cache.invalidation().drop_entries("ann", [], lag_ms=150)
    await cache.invalidation().delete_user("ann", lag_ms=200)
    total = await total_of(cache)
    assert (total["note_changes"], total["answers_dropped"], total["answers_retained"]) == (3, 3, 4)
    assert total.mean_lag_ms == 200


async def test_note_change_counts_aliases_as_answers_but_not_contexts(cache: Cache) -> None:
    for question in (QUESTION, "what is hope"):
        await cache.ask(question=question)
    target = (FIELD, next(e for e in (await index_of(cache)).values() if e.question == QUESTION))
    other = cache.session(question="define faith")
    await other.lookup()
    await other.load_miss_context()
    assert await other.store_alias(a_vector("define faith"), sources(), target, 0.9)
    failed = cache.session(question="what is peace")
    await failed.lookup()
    await failed.store(a_vector("what is peace"), sources(), None)
    alias, peace = (
        keyspace.question_field(question, PIPELINE.name)
        for question in ("define faith", "what is peace")
    )
    await cache.invalidation().drop_entries("ann", [FIELD, alias, peace], lag_ms=1)
    total = await total_of(cache)
    assert (total["answers_dropped"], total["answers_retained"]) == (2, 1)
    assert (total["l1_drops"], total["l2_drops"], total["l3_drops"]) == (1, 0, 2)
    await cache.invalidation().delete_user("ann", lag_ms=1)
    total = await total_of(cache)
    assert (total["answers_dropped"], total["answers_retained"]) == (3, 1)
    assert (total["l1_drops"], total["l3_drops"]) == (2, 3)


async def test_questions_beyond_the_limit_count_as_trimmed_and_dropped(cache: Cache) -> None:
    for question in (QUESTION, "what is hope", "what is love"):
        await cache.with_settings(max_questions=2).ask(question=question)
    total = await total_of(cache)
    assert (total["trimmed"], total["l1_drops"], total["l3_drops"]) == (1, 1, 1)


async def test_note_change_of_more_than_a_week_ago_has_no_lag(cache: Cache) -> None:
    week = 7 * 86_400_000
    for lag in (100, week + 1, 300):
        await cache.invalidation().drop_entries("ann", [], lag_ms=lag)
    await cache.invalidation().delete_user("ann", lag_ms=week * 500)
    total = await total_of(cache)
    assert (total["note_changes"], total["note_change_lags"], total.mean_lag_ms) == (4, 2, 200)
