"""Latency of an exact hit in the cache session, as a multiple of a PING by the same client.

It prints what each layer adds: the script, the client with its time-out and circuit breaker, the
session.
"""

from collections.abc import Mapping
from itertools import cycle
from typing import TYPE_CHECKING

from infra.local.valkey import start_valkey
from shared.cache.redis.factory import open_redis_client
from tests.benchmarks.naive_cache import NaiveCache
from tests.benchmarks.report import Metric
from tests.benchmarks.timing import interleave
from tests.benchmarks.workload import open_session, settings_for, workload
from tests.support.caches import redis_py_client

if TYPE_CHECKING:
    from shared.cache.redis.client import RedisClient
    from shared.cache.redis.commands import Command
    from shared.settings import Settings
    from tests.benchmarks.workload import WorkloadItem

METRICS = {"l1_hit_pings": Metric(unit="PINGs", budget=2.0)}


async def collect_metrics() -> Mapping[str, Metric]:
    """Measure hits of 200 cached questions in both designs."""
    items = workload(200)
    if not items:
        return METRICS
    with start_valkey() as server:
        settings, naive = settings_for(server.url), NaiveCache(server.url, database=1)
        redis_client = open_redis_client(settings)
        for item in items:
            await item.store(redis_client, settings)
            await naive.ask(item)
        our_items, naive_items = cycle(items), cycle(items)
        lookups = cycle([_lookup(redis_client, settings, item) for item in items])
        redis_py = redis_py_client(redis_client)

        async def hit() -> None:
            item = next(our_items)
            session = open_session(redis_client, settings, item.user_id, item.question)
            if (await session.lookup()).answer is None:
                raise RuntimeError("expected a hit")

        async def naive_hit() -> None:
            await naive.ask(next(naive_items))

        async def script() -> None:
            await redis_py.execute_command(*next(lookups).arguments)

        async def client() -> None:
            await redis_client.execute(next(lookups))

        sides = {
            "ping": redis_py.ping,
            "script": script,
            "client": client,
            "hit": hit,
            "naive ping": naive.client.ping,
            "naive hit": naive_hit,
        }
        watch = await interleave(sides, rounds=40, each=50)
        await redis_client.aclose()
        await naive.aclose()
    pings = watch.ratio("hit", "ping")
    for side in ("script", "client", "hit"):
        print(f"  {side:<7} {watch.ratio(side, 'ping'):.2f} PINGs")
    naive_pings = watch.ratio("naive hit", "naive ping")
    return {"l1_hit_pings": METRICS["l1_hit_pings"].with_value(pings, naive_pings)}


def _lookup(redis_client: "RedisClient", settings: "Settings", item: "WorkloadItem") -> "Command":
    session = open_session(redis_client, settings, item.user_id, item.question)
    session.counters.start(no_cache=False)
    return session._lookup("ask")
