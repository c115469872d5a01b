"""An exact hit inside the pipeline, in PINGs of the same client."""

from collections.abc import Mapping
from itertools import cycle

from infra.local.valkey import start_valkey
from shared.cache.redis.factory import open_redis_client
from tests.benchmarks.report import Metric
from tests.benchmarks.seed import Seed
from tests.benchmarks.timing import in_turns
from tests.benchmarks.workload import open_session, settings_for, workload
from tests.support.caches import redis_py_client

METRICS = {"l1_hit_pings": Metric(unit="PINGs", budget=2.0)}


async def collect_metrics() -> Mapping[str, Metric]:
    """Measure on 200 cached questions, in both designs."""
    asked = workload(200)
    if not asked:
        return METRICS
    with start_valkey() as server:
        settings, seed = settings_for(server.url), Seed(server.url, database=1)
        redis_client = open_redis_client(settings)
        for each in asked:
            await each.keep(redis_client, settings)
            await seed.ask(each)
        ours, theirs = cycle(asked), cycle(asked)

        async def hit() -> None:
            each = next(ours)
            found = await open_session(redis_client, settings, each.user_id, each.question).lookup()
            if found.answer is None:
                raise RuntimeError("a hit was a miss")

        async def seed_hit() -> None:
            await seed.ask(next(theirs))

        sides = {
            "ping": redis_py_client(redis_client).ping,
            "hit": hit,
            "seed's ping": seed.client.ping,
            "seed's hit": seed_hit,
        }
        watch = await in_turns(sides, rounds=40, each=50)
        await redis_client.aclose()
        await seed.aclose()
    pings = watch.ratio("hit", "ping")
    seed_pings = watch.ratio("seed's hit", "seed's ping")
    return {"l1_hit_pings": METRICS["l1_hit_pings"].with_value(pings, seed_pings)}
