"""What is counted, on a fake Redis, a real Valkey and a real cluster."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from shared.cache import counters, index_entries, keyspace
from shared.cache.counter_reader import CounterReader
from shared.cache.counters import PendingCounters
from shared.cache.session import CacheSession
from shared.cache.stats_snapshot import StatsSnapshot
from shared.errors import CacheUnavailableError
from tests.support.caches import PIPELINE, Cache, a_vector, an_answer, sources

if TYPE_CHECKING:
    from shared.cache.index_entries import Entry

QUESTION = "what is faith"
FIELD = keyspace.question_field(QUESTION, PIPELINE.name)


async def read(cache: Cache, days: int = 1) -> StatsSnapshot:
    return await CounterReader(cache.redis_client).read_snapshot(days)


async def put(cache: Cache, day: date, partition: int = 7, **counts: int) -> None:
    for name, number in counts.items():
        await cache.redis("HINCRBY", keyspace.counters(partition, day.isoformat()), name, number)


async def index_of(cache: Cache, user: str = "ann") -> "dict[str, Entry]":
    flat = await cache.redis("HGETALL", keyspace.UserKeys.of(user).questions)
    assert isinstance(flat, dict)
    return {
        name: entry for name, entry in index_entries.decode_index(flat.items()).items() if entry
    }


def joining(cache: Cache, pending_counters: PendingCounters, user: str = "ann") -> CacheSession:
    return CacheSession(
        cache.redis_client,
        cache.settings,
        user_id=user,
        question=QUESTION,
        pipeline=PIPELINE,
        pending_counters=pending_counters,
    )


async def test_an_empty_cache_has_counted_nothing(cache: Cache) -> None:
    figures = await read(cache, days=30)
    assert figures.total.counts == {}
    assert len(figures.days) == 30
    assert figures.total.answer_hit_rate is None
    assert (figures.entries.answers, figures.entries.contexts, figures.entries.embeddings) == (
        0,
        0,
        0,
    )


async def test_partitions_add_up(cache: Cache) -> None:
    for number in range(12):
        await cache.ask(f"user {number}")
        for _ in range(number):
            await cache.session(f"user {number}").lookup()
    total = (await read(cache)).total
    assert (total.requests, total.exact_hits, total["l1_misses"]) == (12 + 66, 66, 12)
    assert (total["l2_hits"], total["l2_misses"], total["l2_stores"]) == (11, 1, 1)
    assert (total["outcome_l2"], total["outcome_none"], total.answers_generated) == (11, 1, 12)
    assert total.cost_saved == pytest.approx(66 * 0.00026)
    assert total.cost_spent == pytest.approx(12 * 0.00026)
    assert (total.answer_hit_rate, total.combined_hit_rate) == (66 / 78, 77 / 78)


async def test_whoever_waits_for_the_same_question_joins_its_flight_and_is_asked_once(
    cache: Cache,
) -> None:
    first, second = cache.session(), cache.session()
    for session in (first, second):
        await session.lookup()
        await session.load_miss_context()
    await first.store(a_vector(QUESTION), sources(), an_answer())
    assert (await second.wait_for_leader()).answer
    total = (await read(cache)).total
    assert (total.requests, total["outcome_coalesced"], total["l1_hits"]) == (2, 1, 0)
    assert (total.answers_avoided, total.answers_generated) == (1, 1)
    assert total.cost_saved == pytest.approx(0.00026)


async def test_a_new_answer_on_demand_is_neither_hit_nor_miss(cache: Cache) -> None:
    await cache.ask()
    session = cache.session()
    await session.lookup(only_fence=True)
    await session.store(a_vector(QUESTION), sources(), an_answer())
    total = (await read(cache)).total
    assert (total.requests, total["no_cache"], total["l1_misses"]) == (2, 1, 1)


async def test_what_a_context_saves_counts_as_the_third_tiers(cache: Cache) -> None:
    failed = cache.session()
    await failed.lookup()
    await failed.store(a_vector(QUESTION), sources(), None)
    await cache.ask()
    total = (await read(cache)).total
    assert (total["l3_hits"], total["l3_misses"], total["l3_stores"]) == (1, 1, 2)
    assert (total["outcome_l3"], total.answers_generated, total["l1_stores"]) == (1, 1, 1)


async def test_a_requests_time_is_counted_with_the_next_request_of_its_container(
    cache: Cache,
) -> None:
    pending_counters = PendingCounters()
    await cache.ask()
    for _ in range(3):
        session = joining(cache, pending_counters)
        await session.lookup()
        session.counters.record_outcome("exact")
    assert (await read(cache)).total.latency("exact").count == 2
    await pending_counters.flush(cache.redis_client)
    exact = (await read(cache)).total.latency("exact")
    assert exact.count == 3
    assert exact.mean_ms is not None
    assert 0 < exact.mean_ms < 1_000
    await pending_counters.flush(cache.redis_client)
    assert (await read(cache)).total.latency("exact").count == 3


async def test_what_became_of_questions_adds_up_to_them_all(cache: Cache) -> None:
    """Hits, answers written, what ends otherwise, and what is still under way."""
    pending_counters = PendingCounters()
    await cache.ask()
    for outcome in ("exact", "stale", "extractive", "extractive", "no_notes", "failed", "exact"):
        session = joining(cache, pending_counters)
        await session.lookup(only_fence=outcome != "exact")
        session.counters.record_outcome(outcome)
    never = CacheSession(
        None,
        cache.settings,
        user_id="ann",
        question=QUESTION,
        pipeline=PIPELINE,
        pending_counters=pending_counters,
    )
    await never.lookup()
    never.counters.record_outcome("failed")
    await pending_counters.flush(cache.redis_client)
    await joining(cache, pending_counters).lookup(only_fence=True)
    total = (await read(cache)).total
    ended = {"stale": 1, "extractive": 2, "no_notes": 1, "failed": 1}
    expected = {"exact": 2, "none": 1, "other": 1} | ended
    assert total.outcomes == dict.fromkeys(total.outcomes, 0) | expected
    assert sum(total.outcomes.values()) == total.requests == 9


async def test_a_change_counts_what_it_dropped_and_kept_and_how_late_it_came(
    cache: Cache,
) -> None:
    for question in (QUESTION, "what is hope", "what is love"):
        await cache.ask(question=question)
    await cache.invalidation().drop_entries("ann", [FIELD], lag_ms=250)
    await cache.invalidation().drop_entries("ann", [], lag_ms=150)
    await cache.invalidation().delete_user("ann", lag_ms=200)
    total = (await read(cache)).total
    assert (total["note_changes"], total["answers_dropped"], total["answers_retained"]) == (3, 3, 4)
    assert total.mean_lag_ms == 200


async def test_a_change_counts_answers_and_what_each_tier_lost(cache: Cache) -> None:
    """A question that shares another's answer has one, too; a search alone is none."""
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
    total = (await read(cache)).total
    assert (total["answers_dropped"], total["answers_retained"]) == (2, 1)
    assert (total["l1_drops"], total["l2_drops"], total["l3_drops"]) == (1, 0, 2)
    await cache.invalidation().delete_user("ann", lag_ms=1)
    total = (await read(cache)).total
    assert (
        total["answers_dropped"],
        total["answers_retained"],
        total["l1_drops"],
        total["l3_drops"],
    ) == (3, 1, 2, 3)


async def test_the_bound_drops_of_each_tier(cache: Cache) -> None:
    for question in (QUESTION, "what is hope", "what is love"):
        await cache.with_settings(max_questions=2).ask(question=question)
    total = (await read(cache)).total
    assert (total["trimmed"], total["l1_drops"], total["l3_drops"]) == (1, 1, 1)


async def test_a_change_of_more_than_a_week_ago_has_no_lag(cache: Cache) -> None:
    week = 7 * 86_400_000
    for lag in (100, week + 1, 300):
        await cache.invalidation().drop_entries("ann", [], lag_ms=lag)
    await cache.invalidation().delete_user("ann", lag_ms=week * 500)
    total = (await read(cache)).total
    assert (total["note_changes"], total["note_change_lags"], total.mean_lag_ms) == (4, 2, 200)


async def test_live_entries_follow_stores_drops_and_replacements(cache: Cache) -> None:
    """Each tier's, and those of one user from those of all."""

    async def live() -> tuple[int, int, int]:
        found = (await read(cache)).entries
        return found.answers, found.contexts, found.embeddings

    for user in ("ann", "bob"):
        for question in (QUESTION, "what is hope", "what is love"):
            await cache.ask(user, question)
    assert await live() == (6, 6, 3)
    again = cache.session()
    await again.lookup(only_fence=True)
    await again.store(a_vector(QUESTION), sources(), an_answer())
    failed = cache.session(question="what is peace")
    await failed.lookup()
    await failed.store(a_vector("what is peace"), sources(), None)
    assert (await live())[:2] == (6, 7)
    await cache.invalidation().drop_entries("ann", [FIELD])
    assert (await live())[:2] == (5, 6)
    await cache.invalidation().delete_user("bob")
    assert (await live())[:2] == (2, 3)
    await cache.with_settings(max_questions=1).ask(question="what is joy")
    assert (await live())[:2] == (1, 1)


async def test_an_entry_lives_no_longer_than_the_hour_in_which_it_ends(cache: Cache) -> None:
    await cache.with_settings(answer_ttl=5_000).ask()
    counter_reader, now = CounterReader(cache.redis_client), datetime.now(UTC)
    assert (await counter_reader.read_snapshot(1, now=now)).entries.answers == 1
    assert (
        await counter_reader.read_snapshot(1, now=now + timedelta(seconds=8_600))
    ).entries.answers == 0


async def test_expired_entries_are_removed_with_the_first_store_of_an_hour(cache: Cache) -> None:
    user = keyspace.UserKeys.of("ann").entry_counts
    shared = keyspace.entry_counts(keyspace.partition_of_embedding(QUESTION))
    for key in (user, shared):
        await cache.redis("HSET", key, "a", 5, "a1", 5)
    await cache.ask()
    for key, kind in ((user, b"a"), (shared, b"e")):
        fields = await cache.redis("HGETALL", key)
        assert isinstance(fields, dict)
        assert [name[:1] for name in fields if name[1:].isdigit()] == [kind]
        assert [kind for kind in (b"a", b"c", b"e") if fields[kind] != b"0"] == [kind]


async def test_what_somebody_else_wrote_among_the_counters_counts_nothing(cache: Cache) -> None:
    await cache.ask()
    kept = keyspace.UserKeys.of("ann")
    ends = int(datetime.now(UTC).timestamp()) // 3_600 + 5
    await cache.redis(
        "HSET", kept.entry_counts, f"a{ends}", "many", f"c{ends}", -3, f"e{ends}", "9" * 5000
    )
    key = counters.todays_key(kept.partition)
    await cache.redis("HSET", key, "l3_hits", "many", "l3_misses", "9" * 5000, b"\xff", 1)
    figures = await read(cache)
    assert (figures.entries.answers, figures.entries.contexts, figures.entries.embeddings) == (
        1,
        1,
        1,
    )
    assert (figures.total.requests, figures.total["l3_hits"], figures.total["l3_misses"]) == (
        1,
        0,
        0,
    )


async def test_sums_of_a_day_that_somebody_else_wrote_are_summed_again(cache: Cache) -> None:
    counter_reader, now = CounterReader(cache.redis_client), at(DAY + timedelta(1), 3)
    await put(cache, DAY, l1_hits=3)
    for nonsense in (b"nonsense", b"\x92\x81\xa1a\xa1b\x80", b"\x92\x81\x01\x01\x80"):
        await cache.redis("SET", keyspace.totals(DAY.isoformat()), nonsense)
        assert (await counter_reader.read_snapshot(2, now=now)).total.counts == Counter(l1_hits=3)


DAY = date(2026, 3, 31)


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


async def test_a_day_that_is_over_is_summed_once_and_stays_in_the_total(cache: Cache) -> None:
    counter_reader = CounterReader(cache.redis_client)
    for partition in (0, 7, 63):
        await put(cache, DAY, partition, l1_hits=10)
    await put(cache, DAY + timedelta(1), l1_hits=5)

    async def book(now: datetime, days: int = 2) -> StatsSnapshot:
        return await counter_reader.read_snapshot(days, now=now)

    before = await book(at(DAY, 23, 59))
    assert before.days[DAY].counts == Counter(l1_hits=30)
    assert before.total["l1_hits"] == 30
    for hour in (0, 1, 2):  # the day before is still open for the first hour
        after = await book(at(DAY + timedelta(1), hour, 30))
        assert [after.days[day].counts for day in (DAY, DAY + timedelta(1))] == [
            Counter(l1_hits=30),
            Counter(l1_hits=5),
        ]
        assert after.total["l1_hits"] == 35
    for partition in (0, 7, 63):
        await cache.redis("UNLINK", keyspace.counters(partition, DAY.isoformat()))
    assert (await book(at(DAY + timedelta(1), 3))).total["l1_hits"] == 35
    late = await book(at(DAY + timedelta(60), 3), days=90)
    assert late.total["l1_hits"] == 35
    assert late.days[DAY].counts == Counter(l1_hits=30)
    assert len(late.days) == 90


async def test_a_count_made_in_the_first_minutes_of_the_next_day_still_belongs_to_its_day(
    cache: Cache,
) -> None:
    counter_reader = CounterReader(cache.redis_client)
    await put(cache, DAY, l1_hits=1)
    await counter_reader.read_snapshot(1, now=at(DAY + timedelta(1), 0, 10))
    await put(cache, DAY, l1_hits=1)
    assert (await counter_reader.read_snapshot(2, now=at(DAY + timedelta(1), 5))).days[DAY][
        "l1_hits"
    ] == 2


async def test_the_total_never_shrinks_while_days_pass_and_are_forgotten(cache: Cache) -> None:
    counter_reader, totals = CounterReader(cache.redis_client), []
    for number in range(0, 200, 20):
        day = DAY + timedelta(number)
        await put(cache, day, number % 64, l1_hits=1)
        totals.append((await counter_reader.read_snapshot(1, now=at(day, 12))).total["l1_hits"])
        for partition in range(keyspace.PARTITIONS):  # as their time to live would
            gone = (day - timedelta(90)).isoformat()
            await cache.redis("UNLINK", keyspace.counters(partition, gone))
        await cache.redis("UNLINK", keyspace.totals((day - timedelta(100)).isoformat()))
    assert totals == list(range(1, 11))


async def test_counters_live_for_ninety_days_and_no_longer(cache: Cache) -> None:
    await cache.ask()
    await cache.with_settings(embeddings_per_user=True).ask("bob")
    await cache.invalidation().drop_entries("ann", [FIELD])
    await cache.invalidation().delete_user("cy")
    await read(cache)
    assert counters.TTL == 90 * 86_400
    counted = 0
    for key in await cache.scan():
        ttl = await cache.redis("TTL", key)
        assert isinstance(ttl, int)
        assert 0 < ttl <= counters.TTL, key
        if any(sign in key for sign in (b":counters:", b":entries", b"totals:")):
            assert ttl > counters.TTL - 60, key
            counted += 1
    assert counted > 90  # of each partition that counted, and the sums of every day that is over


async def test_reading_takes_one_round_trip_once_the_days_before_are_summed(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    await read(cache, days=90)
    runs = []
    run = cache.redis_client.execute

    async def counted(*commands: object) -> object:
        runs.append(len(commands))
        return await run(*commands)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(cache.redis_client, "execute", counted)
    await read(cache, days=90)
    assert len(runs) == 1


async def test_what_could_not_be_counted_waits_for_better_times(cache: Cache) -> None:
    pending_counters = PendingCounters()
    await cache.ask()
    session = joining(cache, pending_counters)
    await session.lookup(only_fence=True)

    async def away(*_: object, **__: object) -> None:
        raise CacheUnavailableError("away")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache.redis_client, "execute", away)
        assert not await session.store(a_vector(QUESTION), sources(), an_answer())
        session.counters.record_outcome("none")
        await pending_counters.flush(cache.redis_client)
    await joining(cache, pending_counters).lookup()
    total = (await read(cache)).total
    assert (total["cache_unavailable"], total["outcome_none"]) == (1, 2)
    assert sum(total.outcomes.values()) == total.requests
    assert total.cost_spent == pytest.approx(2 * 0.00026)


async def test_memory_is_told_where_the_server_tells_it(cache: Cache) -> None:
    figures = await read(cache)
    if "fakeredis" in type(getattr(cache.redis_client, "_client", None)).__module__:
        assert (figures.memory_bytes, figures.memory_limit_bytes) == (None, None)
    else:
        assert figures.memory_bytes is not None
        assert figures.memory_bytes > 500_000
