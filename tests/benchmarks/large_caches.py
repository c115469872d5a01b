"""One user's part among 100,000 and 1,000,000 entries of others, in both designs.

Only the number of entries matters there, so texts are short, and all users are copies of one
whose questions the product kept itself. Of the naive design's four keys an entry, three are
never read here, and a SCAN sees nothing but their names, so the server makes those up.
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
_NAIVE_PREFIXES = ("query:v1", "embedding:v1", "context:v1:large_cache")
_NAIVE_META = """
for number = ARGV[1], ARGV[2] do
  redis.call('HSET', 'meta:query:v1:' .. number, 'query', 'what is faith', 'user_id', number,
    'created_at', '2026-01-01T00:00:00', 'hit_count', 1, 'cost_saved', '0.00026')
end
"""
_NAIVE_DATABASE = 1
_BATCH = 1_000
_PATIENCE = 120  # seconds


@dataclass(frozen=True)
class LargeCache:
    """A server full of others' entries: ours in its first database, the naive design's beside."""

    size: str
    url: str
    settings: Settings
    naive: NaiveCache

    async def add(self, asked: list[WorkloadItem]) -> None:
        """Let these questions be asked and kept, too, in both designs."""
        redis_client = open_redis_client(self.settings)
        for each in asked:
            await each.store(redis_client, self.settings)
            await self.naive.ask(each)
        await redis_client.aclose()


# What is measured among each large_cache, so that it is filled once.
MEASURES: tuple[Callable[[LargeCache], Awaitable[Mapping[str, Metric]]], ...] = (
    invalidation.measure,
    stats.measure,
)


async def collect_metrics() -> Mapping[str, Metric]:
    """Fill a server for each size, and measure there."""
    found: dict[str, Metric] = {}
    for size, entries in SIZES.items():
        with start_valkey(enable_debug_command="local") as server:
            settings, naive = (
                settings_for(server.url),
                NaiveCache(server.url, database=_NAIVE_DATABASE),
            )
            await _fill(settings, entries)
            await _fill_naive(server.url, entries)
            for measure in MEASURES:
                found |= await measure(LargeCache(size, server.url, settings, naive))
            await naive.aclose()
    return found


async def _fill(settings: Settings, entries: int) -> None:
    """Keep one user's questions, copy that user, and write each question's embedding."""
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
            for key, value in zip(_keys(f"one of many {number}"), original, strict=True):
                pipeline.restore(key, settings.answer_ttl * 1_000, value)
        for number in range(first, first + _BATCH):
            vector = vectors[number % len(vectors)]
            text = f"one of many asks {question(number)}"
            write = l2_embeddings.store_shared(
                PIPELINE.embedding_model, text, vector, settings.embedding_ttl
            )
            pipeline.execute_command(*write.arguments)
        await pipeline.execute()
    await client.aclose()


async def _fill_naive(url: str, entries: int) -> None:
    """Let the server make up as many keys of each kind, beside ours."""
    client: Any = Redis.from_url(url, db=_NAIVE_DATABASE, socket_timeout=_PATIENCE)
    for prefix in _NAIVE_PREFIXES:
        await client.execute_command("DEBUG", "POPULATE", entries, prefix, 16)
    for first in range(0, entries, _BATCH):
        await client.eval(_NAIVE_META, 0, first, first + _BATCH - 1)
    await client.aclose()


def _keys(user_id: str) -> tuple[str, str, str]:
    keys = UserKeys.of(user_id)
    return keys.questions, keys.answers, keys.contexts
