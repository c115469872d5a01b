"""An exact hit inside the pipeline, in PINGs of the same client."""

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
    """Measure on 200 cached questions, in both designs."""
    asked = workload(200)
    if not asked:
        return METRICS
    with start_valkey() as server:
        settings, naive = settings_for(server.url), NaiveCache(server.url, database=1)
        redis_client = open_redis_client(settings)
        for each in asked:
            await each.store(redis_client, settings)
            await naive.ask(each)
        ours, theirs = cycle(asked), cycle(asked)

        async def hit() -> None:
            each = next(ours)
            found = await open_session(redis_client, settings, each.user_id, each.question).lookup()
            if found.answer is None:
                raise RuntimeError("a hit was a miss")

        async def naive_hit() -> None:
            await naive.ask(next(theirs))

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
