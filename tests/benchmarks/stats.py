"""Reading statistics among few and many entries, and what counting adds to a hit."""

import asyncio
import hashlib
import re
from collections.abc import Iterator, Mapping
from copy import copy
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import TYPE_CHECKING, Any

from redis.asyncio import Redis

from infra.local.valkey import start_valkey
from shared import statistics
from shared.cache import counting, keyspace, scripts, visit
from shared.cache.connection import Connection
from shared.cache.counting import Counts
from shared.cache.ledger import Ledger
from tests.benchmarks.report import Figure
from tests.benchmarks.seed import Seed
from tests.benchmarks.timing import Stopwatch, in_turns
from tests.benchmarks.workload import PIPELINE, brief_workload, settings_for

if TYPE_CHECKING:
    from shared.settings import Settings
    from tests.benchmarks.crowds import Crowd

FIGURES = {
    "stats_ms_1k": Figure(unit="ms", budget=20.0),
    "stats_ms_100k": Figure(unit="ms", budget=20.0),
    "stats_ms_1m": Figure(unit="ms", budget=20.0),
    "stats_ms_30_days": Figure(unit="ms"),
    "counting_us": Figure(unit="us a hit"),
}
_READS, _DAYS, _FEW = 60, 30, 1_000
_PATIENCE = 120  # seconds for one reading of the naive design
_READ_BY_SEED = {"1k": 5, "100k": 1}  # at a million it takes minutes


async def figures() -> Mapping[str, Figure]:
    """Read among a thousand entries, and hit with and without counting."""
    with start_valkey() as server:
        settings, seed = settings_for(server.url), Seed(server.url, database=1)
        connection = Connection.open(settings)
        for each in brief_workload(_FEW):
            await each.keep(connection, settings)
            await seed.ask(each)
        found = await _read("1k", settings, seed)
        found["counting_us"] = await _count(connection, settings, seed)
        await connection.aclose()
        await seed.aclose()
    return found


async def measure(crowd: "Crowd") -> Mapping[str, Figure]:
    """Read among a crowd."""
    return await _read(crowd.size, crowd.settings, crowd.seed)


async def _read(size: str, settings: "Settings", seed: Seed) -> dict[str, Figure]:
    await _fill_days(settings)
    connection = Connection.open(settings)
    ledger, watch = Ledger(connection), Stopwatch()
    await statistics.read(ledger, days=_DAYS)  # sums the days that are over, once
    for _ in range(_READS):
        with watch.timing("ours"):
            read = await statistics.read(ledger)
        with watch.timing("days"):
            await statistics.read(ledger, days=_DAYS)
    if not read.total.requests:
        raise RuntimeError("nothing was counted")
    await connection.aclose()
    try:
        for _ in range(_READ_BY_SEED.get(size, 0)):
            async with asyncio.timeout(_PATIENCE):
                with watch.timing("seed"):
                    await seed.stats()
    except TimeoutError:
        print(f"the naive design needs more than {_PATIENCE} s among {size} entries")
    name = f"stats_ms_{size}"
    found = {name: FIGURES[name].measured(_ms(watch, "ours") or 0.0, _ms(watch, "seed"))}
    if size == "1k":
        days = FIGURES["stats_ms_30_days"]
        found["stats_ms_30_days"] = days.measured(_ms(watch, "days") or 0.0)
    return found


def _ms(watch: Stopwatch, side: str) -> float | None:
    seconds = watch.median(side)
    return None if seconds is None else seconds * 1e3


async def _fill_days(settings: "Settings") -> None:
    """Let every partition have counted everything on each of the last days."""
    client: Any = Redis.from_url(settings.redis_url)
    today = datetime.now(UTC).date()
    for number in range(_DAYS):
        day = (today - timedelta(number)).isoformat()
        pipeline = client.pipeline(transaction=False)
        for partition in range(keyspace.PARTITIONS):
            pipeline.hset(
                keyspace.counters(partition, day), mapping=dict.fromkeys(_names(), 12_345)
            )
        await pipeline.execute()
    await client.aclose()


def _names() -> Iterator[str]:
    """Every counter there is; of a histogram's buckets those that are commonly filled."""
    yield from ("spent_nanodollars", "saved_nanodollars", "semantic_hits", "flights_joined")
    yield from ("invalidations", "lag_ms", "dropped", "kept", "evicted", "bypassed", "uncached")
    for tier in ("l1", "l2", "l3"):
        yield from (f"{tier}_{event}" for event in ("hits", "misses", "stores"))
    yield from (f"generated_{tier}" for tier in ("l3", "l2", "none"))
    yield from (f"refused_by_{by}" for by in ("guard", "verifier", "fit", "fence"))
    for way in counting.WAYS:
        yield f"{way}_us"
        yield from (counting.bucket(way, number) for number in range(3, 8))


async def _count(connection: Connection, settings: "Settings", seed: Seed) -> Figure:
    """Time a hit as it is, and one whose script counts nothing."""
    turns, backlog = cycle(brief_workload(200)), Counts()
    counted = scripts._LOOK_UP
    silent = copy(counted)
    silent._text, lines = re.subn(
        r"if string\.sub\(entry or '', 2, 2\) == 'a'.*(?=return \{fence)",
        "",
        counted._text,
        flags=re.DOTALL,
    )
    if lines != 1:
        raise RuntimeError("look_up.lua counts elsewhere than it did")
    silent._sha = hashlib.sha1(silent._text.encode(), usedforsecurity=False).hexdigest()

    async def hit() -> None:
        each = next(turns)
        opened = visit.Visit(
            connection,
            settings,
            user_id=each.user_id,
            question=each.question,
            pipeline=PIPELINE,
            backlog=backlog,
        )
        if (await opened.look_up()).answer is None:
            raise RuntimeError("a hit was a miss")
        if scripts._LOOK_UP is counted:
            opened.end("exact")

    async def silent_hit() -> None:
        scripts._LOOK_UP = silent
        try:
            await hit()
        finally:
            scripts._LOOK_UP = counted

    async def seed_counts() -> None:
        await seed.client.hincrby("meta:counted", "hit_count", 1)
        await seed.client.hincrbyfloat("meta:counted", "cost_saved", 0.00026)

    sides = {"counted": hit, "silent": silent_hit, "seed": seed_counts}
    watch = await in_turns(sides, rounds=40, each=50)
    ours = watch.difference("counted", "silent")
    return FIGURES["counting_us"].measured(ours * 1e6, (watch.median("seed") or 0.0) * 1e6)
