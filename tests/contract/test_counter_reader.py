"""Reading counters and entry counts, on a fake Redis, a real Valkey and a real cluster."""

from datetime import UTC, date, datetime, timedelta

import pytest

from shared.cache import counters, keyspace
from shared.cache.counter_reader import CounterReader
from shared.cache.redis.factory import open_redis_client
from shared.cache.stats_snapshot import EntryCounts, StatsSnapshot
from shared.settings import Settings
from tests.support.caches import PIPELINE, Cache, a_vector, an_answer, sources

QUESTION = "what is faith"
FIELD = keyspace.question_field(QUESTION, PIPELINE.name)
DAY = date(2026, 3, 31)


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


async def read(cache: Cache, days: int = 0) -> StatsSnapshot:
    return await CounterReader(cache.redis_client).read_snapshot(days)


async def entries_of(cache: Cache) -> tuple[int, int, int]:
    entries = (await read(cache)).entries
    return entries.answers, entries.contexts, entries.embeddings


async def put(cache: Cache, day: date, partition: int = 7, **counts: int) -> None:
    for key in (
        keyspace.counters_key(partition, day.isoformat()),
        keyspace.counters_key(partition),
    ):
        for name, number in counts.items():
            await cache.redis("HINCRBY", key, name, number)


async def test_snapshot_of_an_empty_cache_is_zero(cache: Cache) -> None:
    snapshot = await read(cache, days=30)
    assert snapshot.total.counts == {}
    assert len(snapshot.days) == 30
    assert snapshot.total.answer_hit_rate is None
    assert snapshot.entries == EntryCounts(0, 0, 0)


async def test_entry_counts_follow_stores_drops_and_replacements(cache: Cache) -> None:
    for user in ("ann", "bob"):
        for question in (QUESTION, "what is hope", "what is love"):
            await cache.ask(user, question)
    assert await entries_of(cache) == (6, 6, 3)
    again = cache.session()
    await again.lookup(only_fence=True)
    await again.store(a_vector(QUESTION), sources(), an_answer())
    failed = cache.session(question="what is peace")
    await failed.lookup()
    await failed.store(a_vector("what is peace"), sources(), None)
    assert (await entries_of(cache))[:2] == (6, 7)
    await cache.invalidation().drop_entries("ann", [FIELD])
    assert (await entries_of(cache))[:2] == (5, 6)
    await cache.invalidation().delete_user("bob")
    assert (await entries_of(cache))[:2] == (2, 3)
    await cache.with_settings(max_questions=1).ask(question="what is joy")
    assert (await entries_of(cache))[:2] == (1, 1)


async def test_entry_counts_until_the_end_of_the_hour_in_which_it_expires(cache: Cache) -> None:
    await cache.with_settings(answer_ttl=5_000).ask()
    reader, now = CounterReader(cache.redis_client), datetime.now(UTC)
    later = now + timedelta(seconds=8_600)
    assert (await reader.read_snapshot(now=now)).entries.answers == 1
    assert (await reader.read_snapshot(now=later)).entries.answers == 0


@pytest.mark.parametrize("expired", [0, 1, 4, 5, 6, 30])
async def test_expired_entries_do_not_count_however_long_nothing_was_stored(
    cache: Cache, expired: int
) -> None:
    """The script subtracts the expired hours, or sums the others if there are many."""
    hour, key = 495_000, keyspace.entry_counts_key(7)
    numbers = {kind: range(first, first + 40) for kind, first in (("a", 900), ("c", 50), ("k", 3))}
    totals = {kind: sum(each) for kind, each in numbers.items()}
    hours = {
        f"{kind}{hour + later}": number
        for kind, each in numbers.items()
        for later, number in enumerate(each)
    }
    foreign = {f"e{hour}": "many", f"h{hour}": "9" * 5_000, f"h{hour + 35}": "9" * 5_000}
    for name, value in ({"hour": hour} | totals | hours | foreign).items():
        await cache.redis("HSET", key, name, value)
    now = datetime.fromtimestamp((hour + expired) * 3_600, UTC)
    entries = (await CounterReader(cache.redis_client).read_snapshot(now=now)).entries
    answers, contexts, hit = (sum(each[expired:]) for each in numbers.values())
    assert entries == EntryCounts(answers, answers + contexts, 0, (answers - hit, 0, 0, 0, hit))


async def test_count_that_an_eviction_made_negative_is_zero(cache: Cache) -> None:
    """Dropping an entry whose count was evicted subtracts from a new count."""
    hour, key = 495_000, keyspace.entry_counts_key(7)
    await cache.redis("HSET", key, "hour", hour, "a", 3, f"a{hour}", -2, f"a{hour + 9}", 5, "c", -1)
    for later in range(30):  # with few fields the script sums them instead
        await cache.redis("HSET", key, f"e{hour + later}", 0)
    found = []
    for now in (hour, hour + 1):
        time = datetime.fromtimestamp(now * 3_600, UTC)
        entries = (await CounterReader(cache.redis_client).read_snapshot(now=time)).entries
        found.append((entries.answers, entries.contexts))
    assert found == [(3, 3), (5, 5)]


async def test_entries_are_counted_if_the_clock_is_behind_that_of_the_server(cache: Cache) -> None:
    await cache.ask()
    now = datetime.now(UTC) - timedelta(hours=2)
    entries = (await CounterReader(cache.redis_client).read_snapshot(now=now)).entries
    assert (entries.answers, entries.embeddings) == (1, 1)


async def test_expired_entries_are_removed_with_the_first_store_of_an_hour(cache: Cache) -> None:
    user = keyspace.entry_counts_key(keyspace.UserKeys.of("ann").partition)
    shared = keyspace.entry_counts_key(keyspace.partition_of_embedding(QUESTION))
    for key in (user, shared):
        await cache.redis("HSET", key, "a", 5, "a1", 5)
    await cache.ask()
    for key, kind in ((user, b"a"), (shared, b"e")):
        fields = await cache.read_hash(key)
        assert [name[:1] for name in fields if name[1:].isdigit()] == [kind]
        assert [kind for kind in (b"a", b"c", b"e") if fields[kind] != b"0"] == [kind]


async def test_foreign_values_count_as_zero(cache: Cache) -> None:
    await cache.ask()
    partition = keyspace.UserKeys.of("ann").partition
    ends = int(datetime.now(UTC).timestamp()) // 3_600 + 5
    foreign = (f"a{ends}", "many", f"c{ends}", -3, f"e{ends}", "9" * 5_000)
    entries, *keys = counters.counter_keys(partition)
    await cache.redis("HSET", entries, *foreign)
    for key in keys:
        await cache.redis("HSET", key, "l3_hits", "many", "l3_misses", "9" * 5_000, b"\xff", 1)
    snapshot = await read(cache, days=1)
    assert snapshot.entries == EntryCounts(1, 1, 1, (1, 0, 0, 0, 0))
    for stats in (snapshot.total, *snapshot.days.values()):
        assert (stats.requests, stats["l3_hits"], stats["l3_misses"]) == (1, 0, 0)


@pytest.mark.parametrize("foreign", ["many", "9" * 19, "-" + "9" * 19, "9" * 5_000])
async def test_one_foreign_value_does_not_change_the_other_counters(
    cache: Cache, foreign: str
) -> None:
    await put(cache, DAY, 3, l1_hits=4, l1_misses=10**17)
    await put(cache, DAY, 9, l1_hits=5)
    await cache.redis("HSET", keyspace.counters_key(9), "l1_misses", foreign)
    total = (await read(cache)).total
    assert (total["l1_hits"], total["l1_misses"]) == (9, 10**17)


@pytest.mark.parametrize("protocol", [2, 3])
async def test_counters_are_the_same_with_each_protocol(valkey_url: str, protocol: int) -> None:
    settings = Settings(redis_url=f"{valkey_url}?protocol={protocol}", redis_timeout=5)
    cache = Cache(open_redis_client(settings), settings)
    await cache.flush()
    await put(cache, DAY, 3, l1_hits=4)
    await put(cache, DAY, 9, l1_hits=5, l1_misses=1)
    assert (await read(cache)).total.counts == {"l1_hits": 9, "l1_misses": 1}
    await cache.redis_client.aclose()


async def test_each_day_has_its_own_counters_and_all_count_in_the_total(cache: Cache) -> None:
    reader, next_day = CounterReader(cache.redis_client), DAY + timedelta(1)
    for partition in (0, 7, 63):
        await put(cache, DAY, partition, l1_hits=10)
    before = await reader.read_snapshot(2, now=at(DAY, 23, 59))
    assert (before.days[DAY]["l1_hits"], before.total["l1_hits"]) == (30, 30)
    await put(cache, next_day, l1_hits=5)
    for hour in (0, 1, 2):
        after = await reader.read_snapshot(2, now=at(next_day, hour, 30))
        assert [after.days[day]["l1_hits"] for day in (DAY, next_day)] == [30, 5]
        assert after.total["l1_hits"] == 35
    late = await reader.read_snapshot(90, now=at(DAY + timedelta(60), 3))
    assert (len(late.days), late.days[DAY]["l1_hits"], late.total["l1_hits"]) == (90, 30, 35)
    assert late.window["l1_hits"] == 35


async def test_day_can_be_counted_in_until_an_hour_after_its_end(cache: Cache) -> None:
    reader, next_day = CounterReader(cache.redis_client), DAY + timedelta(1)
    await put(cache, DAY, l1_hits=1)
    await reader.read_snapshot(2, now=at(next_day, 0, 10))
    await put(cache, DAY, l1_hits=1)
    assert (await reader.read_snapshot(2, now=at(next_day, 5))).days[DAY]["l1_hits"] == 2


async def test_total_never_shrinks_when_days_expire(cache: Cache) -> None:
    reader, totals = CounterReader(cache.redis_client), []
    for number in range(0, 200, 20):
        day = DAY + timedelta(number)
        await put(cache, day, number % 64, l1_hits=1)
        totals.append((await reader.read_snapshot(now=at(day, 12))).total["l1_hits"])
        for partition in range(keyspace.PARTITIONS):
            expired = (day - timedelta(90)).isoformat()
            await cache.redis("UNLINK", keyspace.counters_key(partition, expired))
    assert totals == list(range(1, 11))


async def test_counters_expire_90_days_after_the_last_increment(cache: Cache) -> None:
    await cache.ask()
    await cache.with_settings(embeddings_per_user=True).ask("bob")
    await cache.invalidation().drop_entries("ann", [FIELD])
    await cache.invalidation().delete_user("cy")
    assert counters.TTL == 90 * 86_400
    counted = 0
    for key in await cache.scan():
        ttl = await cache.redis("TTL", key)
        assert isinstance(ttl, int)
        assert 0 < ttl <= counters.TTL, key
        if b":counters:" in key or b":entries" in key:
            assert ttl > counters.TTL - 60, key
            counted += 1
    assert counted >= 9  # three keys for each of ann, bob and cy or an embedding


async def test_finished_days_are_read_once(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = CounterReader(cache.redis_client)
    execute = cache.redis_client.execute
    round_trips: list[int] = []

    async def counted(*commands: object) -> object:
        round_trips.append(len(commands))
        return await execute(*commands)  # type: ignore[arg-type]  # passed on unchanged

    monkeypatch.setattr(cache.redis_client, "execute", counted)
    await reader.read_snapshot(90)
    assert len(round_trips) == 10
    round_trips.clear()
    await reader.read_snapshot(90)
    assert len(round_trips) == 1


async def test_memory_is_reported_if_the_server_reports_it(cache: Cache) -> None:
    snapshot = await read(cache)
    if "fakeredis" in type(getattr(cache.redis_client, "_client", None)).__module__:
        assert (snapshot.memory_bytes, snapshot.memory_limit_bytes) == (None, None)
    else:
        assert snapshot.memory_bytes is not None
        assert snapshot.memory_bytes > 500_000
