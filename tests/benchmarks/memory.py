"""Redis memory for 10,000 questions: answers, contexts, embeddings and indexes."""

from collections.abc import Mapping
from typing import Any

from redis.asyncio import Redis

from infra.local.valkey import start_valkey
from shared.cache.redis.factory import open_redis_client
from tests.benchmarks.naive_cache import NaiveCache
from tests.benchmarks.report import Metric
from tests.benchmarks.workload import WorkloadItem, settings_for, workload

QUESTIONS = 10_000
METRICS = {"redis_mb_per_10k": Metric(unit="MB", budget=40.0)}


async def collect_metrics() -> Mapping[str, Metric]:
    """Store the same questions in a new server for item design."""
    items = workload(QUESTIONS)
    if not items:
        return METRICS
    ours, naive = await _fill(items), await _fill_naive(items)
    return {"redis_mb_per_10k": METRICS["redis_mb_per_10k"].with_value(ours, naive)}


async def _fill(items: list[WorkloadItem]) -> float:
    with start_valkey() as server:
        settings = settings_for(server.url)
        redis_client = open_redis_client(settings)
        before = await _used_mb(server.url)
        for item in items:
            await item.store(redis_client, settings)
        await redis_client.aclose()
        return await _used_mb(server.url) - before


async def _fill_naive(items: list[WorkloadItem]) -> float:
    with start_valkey() as server:
        naive = NaiveCache(server.url)
        before = await _used_mb(server.url)
        for item in items:
            await naive.ask(item)
        await naive.aclose()
        return await _used_mb(server.url) - before


async def _used_mb(url: str) -> float:
    """Return the memory that the server uses, in MB."""
    client: Any = Redis.from_url(url)
    used = (await client.info("memory"))["used_memory"]
    await client.aclose()
    return float(used) / 1e6
