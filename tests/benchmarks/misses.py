"""Latency that the cache adds to a miss, with models and a note store without latency."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

import numpy as np

from infra.local.valkey import start_valkey
from shared.cache.redis.client import RedisClient
from shared.cache.redis.factory import open_redis_client
from shared.cache.session import CacheSession
from shared.container import Container
from shared.question import Request
from shared.semantic_match import SemanticMatcher
from shared.settings import Settings
from shared.vectors import canonical
from tests.benchmarks.naive_cache import NaiveCache
from tests.benchmarks.report import Metric
from tests.benchmarks.timing import interleave
from tests.benchmarks.workload import (
    DIMENSIONS,
    PIPELINE,
    InstantModels,
    WorkloadItem,
    settings_for,
    short_workload,
    workload,
)

METRICS = {
    "miss_overhead_ms": Metric(unit="ms", budget=5.0),
    "index_read_ms": Metric(unit="ms, 1,000 questions of a user; baseline: 500", budget=5.0),
}
_READ = {"full": 1_000, "half": 500}
"""The largest `CACHE_MAX_QUESTIONS`, which is its default, and half of it."""
_UNRELATED = "Who saw Anna in the garden?"
_UNRELATED_VECTOR = canonical(np.random.default_rng(9).standard_normal(DIMENSIONS))


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
    read = await _measure_index()
    return read | {
        "miss_overhead_ms": METRICS["miss_overhead_ms"].with_value(ours * 1e3, naive_seconds * 1e3)
    }


async def _measure_index() -> dict[str, Metric]:
    """Read whole indexes as a miss does, and search candidates. An empty index is subtracted."""
    with start_valkey() as server:
        settings = replace(settings_for(server.url), max_questions=max(_READ.values()))
        redis_client = open_redis_client(settings)
        items = short_workload(max(_READ.values()))
        sides = {"empty": partial(_read_index, redis_client, settings, "nobody")}
        for user, size in _READ.items():
            for item in items[:size]:
                await replace(item, user_id=user).store(redis_client, settings)
            sides[user] = partial(_read_index, redis_client, settings, user)
        watch = await interleave(sides, rounds=20, each=5)
        await redis_client.aclose()
    full, half = (watch.difference(user, "empty") * 1e3 for user in _READ)
    return {"index_read_ms": METRICS["index_read_ms"].with_value(full, half)}


async def _read_index(redis_client: RedisClient, settings: Settings, user: str) -> None:
    session = CacheSession(
        redis_client, settings, user_id=user, question="another", pipeline=PIPELINE
    )
    context = await session.load_miss_context()
    await SemanticMatcher(settings).match(_UNRELATED, _UNRELATED_VECTOR, (), context, session)
