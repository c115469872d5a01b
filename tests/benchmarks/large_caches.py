"""Invalidation and statistics with 100,000 and 1,000,000 entries of other users, in both designs.

Only the number of entries matters, so texts are short and all users are copies of one user. The
naive design has four keys per entry. Only SCAN meets three of them, so `DEBUG POPULATE` makes
them.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from infra.local.valkey import start_valkey
from shared.cache import l2_embeddings
from shared.cache.keyspace import UserKeys
from shared.cache.redis.factory import open_redis_client
from shared.settings import Settings
from tests.benchmarks import invalidation, stats
from tests.benchmarks.naive_cache import NaiveCache
from tests.benchmarks.report import Metric
from tests.benchmarks.workload import (
    PIPELINE,
    QUESTIONS_PER_USER,
    WorkloadItem,
    question,
    settings_for,
    short_workload,
)

SIZES = {"100k": 100_000, "1m": 1_000_000}
_NAIVE_PREFIXES = ("query:v1", "embedding:v1", "context:v1:others")
_NAIVE_META = """
for number = ARGV[1], ARGV[2] do
  redis.call('HSET', 'meta:query:v1:' .. number, 'query', 'what is faith', 'user_id', number,
    'created_at', '2026-01-01T00:00:00', 'hit_count', 1, 'cost_saved', '0.00026')
end
"""
_NAIVE_DATABASE = 1
_BATCH = 1_000
_TIMEOUT = 120  # seconds


@dataclass(frozen=True)
class LargeCache:
    """A server with many entries: ours in database 0, the naive design's in database 1."""

    size: str
    url: str
    settings: Settings
    naive: NaiveCache

    async def add(self, items: list[WorkloadItem]) -> None:
        """Store these questions in both designs."""
        redis_client = open_redis_client(self.settings)
        for each in items:
            await each.store(redis_client, self.settings)
            await self.naive.ask(each)
        await redis_client.aclose()


# All measurements of one size share a server, because filling it takes long.
MEASURES: tuple[Callable[[LargeCache], Awaitable[Mapping[str, Metric]]], ...] = (
    invalidation.measure,
    stats.measure,
)


async def collect_metrics() -> Mapping[str, Metric]:
    """Fill a server for each size and run all measurements on it."""
    metrics: dict[str, Metric] = {}
    for size, entries in SIZES.items():
        with start_valkey(enable_debug_command="local") as server:
            settings = settings_for(server.url)
            naive = NaiveCache(server.url, database=_NAIVE_DATABASE)
            await _fill(settings, entries)
            await _fill_naive(server.url, entries)
            for measure in MEASURES:
                metrics |= await measure(LargeCache(size, server.url, settings, naive))
            await naive.aclose()
    return metrics


async def _fill(settings: Settings, entries: int) -> None:
    """Store one user's questions, copy the user's keys, and store an embedding per question."""
    template = short_workload(QUESTIONS_PER_USER)
    redis_client = open_redis_client(settings)
    for each in template:
        await each.store(redis_client, settings)
    await redis_client.aclose()
    client: Any = Redis.from_url(settings.redis_url)
    original = [await client.dump(key) for key in _keys(template[0].user_id)]
    vectors = [each.vector.tobytes() for each in template]
    await client.script_load(l2_embeddings.store_shared("", "", b"", 1).script)
    for first in range(0, entries, _BATCH):
        pipeline = client.pipeline(transaction=False)
        for number in range(first, first + _BATCH, QUESTIONS_PER_USER):
            for key, value in zip(_keys(f"other user {number}"), original, strict=True):
                pipeline.restore(key, settings.answer_ttl * 1_000, value)
        for number in range(first, first + _BATCH):
            vector = vectors[number % len(vectors)]
            text = f"other user asks {question(number)}"
            write = l2_embeddings.store_shared(
                PIPELINE.embedding, text, vector, settings.embedding_ttl
            )
            pipeline.execute_command(*write.arguments)
        await pipeline.execute()
    await client.aclose()


async def _fill_naive(url: str, entries: int) -> None:
    """Create the keys of the naive design."""
    client: Any = Redis.from_url(url, db=_NAIVE_DATABASE, socket_timeout=_TIMEOUT)
    for prefix in _NAIVE_PREFIXES:
        await client.execute_command("DEBUG", "POPULATE", entries, prefix, 16)
    for first in range(0, entries, _BATCH):
        await client.eval(_NAIVE_META, 0, first, first + _BATCH - 1)
    await client.aclose()


def _keys(user_id: str) -> tuple[str, str]:
    keys = UserKeys.of(user_id)
    return keys.questions, keys.answers
