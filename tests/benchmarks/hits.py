"""Latency of an exact hit in the cache session, as a multiple of a PING by the same client."""

from collections.abc import Mapping
from itertools import cycle

from infra.local.valkey import start_valkey
from shared.cache.redis.factory import open_redis_client
from tests.benchmarks.naive_cache import NaiveCache
from tests.benchmarks.report import Metric
from tests.benchmarks.timing import interleave
from tests.benchmarks.workload import open_session, settings_for, workload
from tests.support.caches import redis_py_client

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

        async def hit() -> None:
            item = next(our_items)
            session = open_session(redis_client, settings, item.user_id, item.question)
            if (await session.lookup()).answer is None:
                raise RuntimeError("expected a hit")

        async def naive_hit() -> None:
            await naive.ask(next(naive_items))

        sides = {
            "ping": redis_py_client(redis_client).ping,
            "hit": hit,
            "naive ping": naive.client.ping,
            "naive hit": naive_hit,
        }
        watch = await interleave(sides, rounds=40, each=50)
        await redis_client.aclose()
        await naive.aclose()
    pings = watch.ratio("hit", "ping")
    naive_pings = watch.ratio("naive hit", "naive ping")
    return {"l1_hit_pings": METRICS["l1_hit_pings"].with_value(pings, naive_pings)}
