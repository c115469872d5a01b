"""Redis memory for 10,000 questions: answers, contexts, embeddings and indexes."""

from collections.abc import Mapping
from typing import Any

from redis.asyncio import Redis

from infra.local.valkey import start_valkey
from shared.cache.redis.client import RedisClient
from tests.benchmarks.report import Figure
from tests.benchmarks.seed import Seed
from tests.benchmarks.workload import Asked, settings_for, workload

QUESTIONS = 10_000
FIGURES = {"redis_mb_per_10k": Figure(unit="MB", budget=40.0)}


async def figures() -> Mapping[str, Figure]:
    """Fill a new server for each design, as a miss fills it."""
    asked = workload(QUESTIONS)
    if not asked:
        return FIGURES
    ours, theirs = await _fill(asked), await _fill_seed(asked)
    return {"redis_mb_per_10k": FIGURES["redis_mb_per_10k"].measured(ours, theirs)}


async def _fill(asked: list[Asked]) -> float:
    with start_valkey() as server:
        settings = settings_for(server.url)
        redis_client = RedisClient.open(settings)
        before = await _used(server.url)
        for each in asked:
            await each.keep(redis_client, settings)
        await redis_client.aclose()
        return await _used(server.url) - before


async def _fill_seed(asked: list[Asked]) -> float:
    with start_valkey() as server:
        seed = Seed(server.url)
        before = await _used(server.url)
        for each in asked:
            await seed.ask(each)
        await seed.aclose()
        return await _used(server.url) - before


async def _used(url: str) -> float:
    """Memory that the server has taken, in MB."""
    client: Any = Redis.from_url(url)
    used = (await client.info("memory"))["used_memory"]
    await client.aclose()
    return float(used) / 1e6
