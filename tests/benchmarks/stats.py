"""Time to read the statistics of small and large caches, and what counting adds to a hit."""

import asyncio
import hashlib
import re
from collections.abc import Iterator, Mapping
from copy import copy
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import TYPE_CHECKING, Any

from redis.asyncio import Redis

from functions.stats.serializers import cache_stats
from infra.local.valkey import start_valkey
from shared.cache import counters, keyspace, scripts, session
from shared.cache.counter_reader import CounterReader
from shared.cache.counters import PendingCounters
from shared.cache.redis.client import RedisClient
from shared.cache.redis.commands import Script
from shared.cache.redis.factory import open_redis_client
from tests.benchmarks.naive_cache import NaiveCache
from tests.benchmarks.report import Metric
from tests.benchmarks.timing import Stopwatch, interleave
from tests.benchmarks.workload import PIPELINE, settings_for, short_workload

if TYPE_CHECKING:
    from shared.settings import Settings
    from tests.benchmarks.large_caches import LargeCache

METRICS = {
    "stats_ms_1k": Metric(unit="ms", budget=20.0),
    "stats_ms_100k": Metric(unit="ms", budget=20.0),
    "stats_ms_1m": Metric(unit="ms", budget=20.0),
    "stats_ms_idle": Metric(unit="ms, an hour without a store", budget=20.0),
    "stats_ms_30_days": Metric(unit="ms"),
    "stats_ms_30_days_first": Metric(unit="ms, first read", budget=1_000.0),
    "stats_body_ms_30_days": Metric(unit="ms, the response's body"),
    "stats_flat": Metric(unit="1m / 1k", budget=1.5),
    "counting_us": Metric(unit="us a hit", budget=100.0),
}
_SIDES = {
    "stats_ms_idle": "idle",
    "stats_ms_30_days": "days",
    "stats_ms_30_days_first": "first",
    "stats_body_ms_30_days": "body",
}
_READS, _DAYS, _FEW = 60, 30, 1_000
_NAIVE_TIMEOUT = 120  # seconds
_NAIVE_READS = {"1k": 5, "100k": 1}  # with a million entries it takes minutes


async def collect_metrics() -> Mapping[str, Metric]:
    """Measure reads of a cache with a thousand entries, and hits with and without counting."""
    with start_valkey() as server:
        settings, naive = settings_for(server.url), NaiveCache(server.url, database=1)
        redis_client = open_redis_client(settings)
        for each in short_workload(_FEW):
            await each.store(redis_client, settings)
            await naive.ask(each)
        found = await _read("1k", settings, naive)
        found["counting_us"] = await _count(redis_client, settings, naive)
        await redis_client.aclose()
        await naive.aclose()
    return found


async def measure(large_cache: "LargeCache") -> Mapping[str, Metric]:
    """Measure reads of a large cache; compare the largest with a small one."""
    found = await _read(large_cache.size, large_cache.settings, large_cache.naive)
    if large_cache.size == "1m":
        found["stats_flat"] = await _flat(large_cache.settings)
    return found


async def _flat(large: "Settings") -> Metric:
    with start_valkey() as server:
        small = settings_for(server.url)
        clients = {"1m": open_redis_client(large), "1k": open_redis_client(small)}
        for each in short_workload(_FEW):
            await each.store(clients["1k"], small)
        await _fill_days(small)
        watch = Stopwatch()
        for _ in range(_READS):
            for side, redis_client in clients.items():
                with watch.timing(side):
                    await CounterReader(redis_client).read_snapshot()
        for redis_client in clients.values():
            await redis_client.aclose()
    return METRICS["stats_flat"].with_value((_ms(watch, "1m") or 0.0) / (_ms(watch, "1k") or 1.0))


async def _read(size: str, settings: "Settings", naive: NaiveCache) -> dict[str, Metric]:
    await _fill_days(settings)
    redis_client = open_redis_client(settings)
    counter_reader, watch = CounterReader(redis_client), Stopwatch()
    with watch.timing("first"):
        await counter_reader.read_snapshot(_DAYS)
    for _ in range(_READS):
        with watch.timing("ours"):
            snapshot = await counter_reader.read_snapshot()
        with watch.timing("days"):
            month = await counter_reader.read_snapshot(_DAYS)
        with watch.timing("body"):
            cache_stats(month, settings)
        with watch.timing("idle"):
            await counter_reader.read_snapshot(now=datetime.now(UTC) + timedelta(hours=1))
    if not snapshot.total.requests:
        raise RuntimeError("nothing was counted")
    await redis_client.aclose()
    try:
        for _ in range(_NAIVE_READS.get(size, 0)):
            async with asyncio.timeout(_NAIVE_TIMEOUT):
                with watch.timing("naive"):
                    await naive.stats()
    except TimeoutError:
        print(f"the naive design takes more than {_NAIVE_TIMEOUT} s with {size} entries")
    name = f"stats_ms_{size}"
    found = {name: METRICS[name].with_value(_ms(watch, "ours") or 0.0, _ms(watch, "naive"))}
    if size == "1k":
        for name, side in _SIDES.items():
            found[name] = METRICS[name].with_value(_ms(watch, side) or 0.0)
    return found


def _ms(watch: Stopwatch, side: str) -> float | None:
    seconds = watch.median(side)
    return None if seconds is None else seconds * 1e3


async def _fill_days(settings: "Settings", days: int = _DAYS) -> None:
    """Write every counter of every partition and day, and the entry counts."""
    client: Any = Redis.from_url(settings.redis_url)
    today = datetime.now(UTC).date()
    for number in range(days):
        day = (today - timedelta(number)).isoformat()
        pipeline = client.pipeline(transaction=False)
        for partition in range(keyspace.PARTITIONS):
            for key in (keyspace.counters_key(partition, day), keyspace.counters_key(partition)):
                pipeline.hset(key, mapping=dict.fromkeys(_names(), 12_345))
        await pipeline.execute()
    hour = int(datetime.now(UTC).timestamp()) // 3_600
    lasting = {"c": settings.context_ttl, "e": settings.embedding_ttl}
    lasting |= dict.fromkeys("ahijk", settings.answer_ttl_max)
    hours = {kind: range(hour, hour + 1 + seconds // 3_600) for kind, seconds in lasting.items()}
    counts: dict[str, int] = {"hour": hour} | {kind: 1_234 * len(hours[kind]) for kind in lasting}
    counts |= {f"{kind}{later}": 1_234 for kind in lasting for later in hours[kind]}
    for partition in range(keyspace.PARTITIONS):
        await client.hset(keyspace.entry_counts_key(partition), mapping=counts)
    await client.aclose()


def _names() -> Iterator[str]:
    """Return the names of all counters, and of the commonly filled latency buckets."""
    yield from ("spent_nanodollars", "saved_nanodollars", "outcome_semantic", "outcome_coalesced")
    yield from (
        "note_changes",
        "note_change_lag_ms",
        "answers_dropped",
        "answers_retained",
        "trimmed",
        "no_cache",
        "cache_unavailable",
    )
    for tier in ("l1", "l2", "l3"):
        yield from (f"{tier}_{event}" for event in ("hits", "misses", "stores", "drops"))
    yield from (f"outcome_{tier}" for tier in ("l3", "l2", "none"))
    yield from (f"rejected_by_{by}" for by in ("rules", "model", "verifier"))
    yield from (
        "stores_refused",
        "note_change_lags",
        *(f"outcome_{outcome}" for outcome in counters.DEFERRED_OUTCOMES),
    )
    for outcome in counters.OUTCOMES:
        yield f"{outcome}_us"
        yield from counters.bucket_names(outcome)[3:8]


def silent_lookup() -> Script:
    """Return lookup.lua without its counting lines."""
    counted = scripts._LOOKUP
    silent = copy(counted)
    pattern = r"if kind == 'a' and value then.*(?=return \{fence)"
    silent._text, lines = re.subn(pattern, "", counted._text, flags=re.DOTALL)
    if lines != 1:
        raise RuntimeError("the counting lines of lookup.lua were not found")
    silent._sha = hashlib.sha1(silent._text.encode(), usedforsecurity=False).hexdigest()
    return silent


async def _count(redis_client: RedisClient, settings: "Settings", naive: NaiveCache) -> Metric:
    """Compare a hit with one whose script does not count."""
    turns, pending_counters = cycle(short_workload(200)), PendingCounters()
    counted, silent = scripts._LOOKUP, silent_lookup()

    async def hit() -> None:
        each = next(turns)
        opened = session.CacheSession(
            redis_client,
            settings,
            user_id=each.user_id,
            question=each.question,
            pipeline=PIPELINE,
            pending_counters=pending_counters,
        )
        if (await opened.lookup()).answer is None:
            raise RuntimeError("a hit was a miss")
        if scripts._LOOKUP is counted:
            opened.counters.record_outcome("exact")

    async def silent_hit() -> None:
        scripts._LOOKUP = silent
        try:
            await hit()
        finally:
            scripts._LOOKUP = counted

    async def naive_counts() -> None:
        await naive.client.hincrby("meta:counted", "hit_count", 1)
        await naive.client.hincrbyfloat("meta:counted", "cost_saved", 0.00026)

    sides = {"counted": hit, "silent": silent_hit, "naive": naive_counts}
    watch = await interleave(sides, rounds=40, each=50)
    ours = watch.difference("counted", "silent")
    return METRICS["counting_us"].with_value(ours * 1e6, (watch.median("naive") or 0.0) * 1e6)
