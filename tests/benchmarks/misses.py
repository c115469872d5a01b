"""What the cache adds to a miss, with models and a note store that take no time themselves."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import Any

from infra.local.valkey import start_valkey
from shared.container import Container
from shared.question import Request
from shared.settings import Settings
from tests.benchmarks.naive_cache import NaiveCache
from tests.benchmarks.report import Metric
from tests.benchmarks.timing import interleave
from tests.benchmarks.workload import InstantModels, WorkloadItem, settings_for, workload

METRICS = {"miss_overhead_ms": Metric(unit="ms", budget=5.0)}


def instant(settings: Settings, asked: WorkloadItem) -> Container:
    """Everything as it is deployed, but for models and a store that answer at once."""
    models: Any = InstantModels(asked)
    return Container(settings, store=models, embedder=models, answerer=models)


async def collect_metrics() -> Mapping[str, Metric]:
    """Ask new questions with the cache, without it, and in the naive design."""
    asked = workload(1)
    if not asked:
        return METRICS
    numbers = count()
    with start_valkey() as server:
        settings, naive = settings_for(server.url), NaiveCache(server.url, database=1)
        cached = instant(settings, asked[0])
        bare = instant(replace(settings, cache_enabled=False), asked[0])

        async def ask(container: Container) -> None:
            new = asked[0].variant(next(numbers))
            reply = await container.assistant.ask(Request(new.user_id, new.question))
            if reply.tier:
                raise RuntimeError("a miss was a hit")

        async def naive_ask() -> None:
            await naive.ask(asked[0].variant(next(numbers)))

        sides = {"with": lambda: ask(cached), "without": lambda: ask(bare), "naive": naive_ask}
        watch = await interleave(sides, rounds=60, each=10)
        await cached.aclose()
        await naive.aclose()
    # The naive design's side is its cache alone.
    ours, theirs = watch.difference("with", "without"), watch.median("naive") or 0.0
    return {"miss_overhead_ms": METRICS["miss_overhead_ms"].with_value(ours * 1e3, theirs * 1e3)}
