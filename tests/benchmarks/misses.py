"""Latency that the cache adds to a miss, with models and a note store without latency."""

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


def instant_container(settings: Settings, item: WorkloadItem) -> Container:
    """Return a container whose models and note store have no latency."""
    models: Any = InstantModels(item)
    return Container(settings, store=models, embedder=models, answerer=models)


async def collect_metrics() -> Mapping[str, Metric]:
    """Ask new questions with the cache, without it, and in the naive design."""
    items = workload(1)
    if not items:
        return METRICS
    numbers = count()
    with start_valkey() as server:
        settings, naive = settings_for(server.url), NaiveCache(server.url, database=1)
        cached = instant_container(settings, items[0])
        uncached = instant_container(replace(settings, cache_enabled=False), items[0])

        async def ask(container: Container) -> None:
            new = items[0].variant(next(numbers))
            reply = await container.assistant.ask(Request(new.user_id, new.question))
            if reply.tier:
                raise RuntimeError("expected a miss")

        async def naive_ask() -> None:
            await naive.ask(items[0].variant(next(numbers)))

        sides = {"with": lambda: ask(cached), "without": lambda: ask(uncached), "naive": naive_ask}
        watch = await interleave(sides, rounds=60, each=10)
        await cached.aclose()
        await naive.aclose()
    # The baseline contains only the cache of the naive design.
    ours, naive_seconds = watch.difference("with", "without"), watch.median("naive") or 0.0
    return {
        "miss_overhead_ms": METRICS["miss_overhead_ms"].with_value(ours * 1e3, naive_seconds * 1e3)
    }
