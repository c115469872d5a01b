"""The kinds of Redis for contract tests (fakeredis, a server, a cluster), and a cache on each."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import fakeredis
import numpy as np
import pytest
from redis import Redis
from redis.asyncio import RedisCluster

from infra.local.valkey import start_valkey
from shared.answer import Answer, new_answer_id
from shared.cache.counters import PendingCounters
from shared.cache.invalidation import Invalidation
from shared.cache.keyspace import UserKeys
from shared.cache.parse_replies import hash_items
from shared.cache.pipeline_id import PipelineId
from shared.cache.redis.client import RedisClient
from shared.cache.redis.commands import Command
from shared.cache.redis.factory import open_redis_client
from shared.cache.redis.single_server import RedisServerClient
from shared.cache.session import CacheSession
from shared.notes.note import Source
from shared.settings import Settings
from shared.vectors import Vector, canonical
from tests.support.servers import valkey_cluster

DIMENSIONS = 8
PIPELINE = PipelineId("embedder", DIMENSIONS, "answerer", 2)


@dataclass(frozen=True)
class Cache:
    """One cache, with helpers for tests."""

    redis_client: RedisClient
    settings: Settings

    def session(
        self,
        user: str = "ann",
        question: str = "what is faith",
        pipeline: PipelineId = PIPELINE,
        pending_counters: PendingCounters | None = None,
        *,
        exact: bool = False,
    ) -> CacheSession:
        return CacheSession(
            self.redis_client,
            self.settings,
            user_id=user,
            question=question,
            pipeline=pipeline,
            exact=exact,
            pending_counters=pending_counters,
        )

    def invalidation(self) -> Invalidation:
        return Invalidation(self.redis_client)

    def with_settings(self, **changes: object) -> "Cache":
        return replace(self, settings=replace(self.settings, **changes))  # type: ignore[arg-type]  # by name

    async def ask(
        self, user: str = "ann", question: str = "what is faith", pipeline: PipelineId = PIPELINE
    ) -> Answer:
        """Store an answer after a miss."""
        session = self.session(user, question, pipeline)
        await session.lookup()
        await session.load_miss_context()
        answer = an_answer()
        assert await session.store(a_vector(question), sources(), answer)
        return answer

    async def scan(self) -> list[bytes]:
        async with self._all_servers() as client:
            return [key async for key in client.scan_iter()]

    async def flush(self) -> None:
        async with self._all_servers() as client:
            await client.flushall()

    async def lose_scripts(self) -> None:
        async with self._all_servers() as client:
            await client.script_flush()

    @asynccontextmanager
    async def _all_servers(self) -> AsyncIterator[Any]:
        """Yield a client whose commands reach every server; its methods are not typed."""
        if self.settings.redis_cluster:
            async with RedisCluster.from_url(self.settings.redis_url) as client:
                yield client
        else:
            yield redis_py_client(self.redis_client)

    async def redis(self, *command: str | bytes | int) -> object:
        (reply,) = await self.redis_client.execute(Command.of(*command))
        return reply

    async def read_hash(self, key: str | bytes) -> dict[bytes, bytes]:
        (reply,) = await self.redis_client.execute(Command.of("HGETALL", key))
        return dict(hash_items(reply))


def an_answer(text: str = "The substance of things hoped for [1].") -> Answer:
    return Answer(new_answer_id(), text, "answerer", 1_700_000_000_000, 0.00026)


def a_vector(text: str) -> Vector:
    return canonical(np.random.default_rng(list(text.encode())).normal(size=DIMENSIONS))


def sources(*notes: str) -> list[Source]:
    return [
        Source(
            f"{note}#0",
            note,
            f"What {note} says of faith. " * 9,
            0.9 - 0.1 * rank,
            note.title(),
            "Faith > What it is",
        )
        for rank, note in enumerate(notes or ("hebrews", "romans"))
    ]


def keys(user: str = "ann") -> UserKeys:
    return UserKeys.of(user)


@pytest.fixture(scope="session")
def shared_valkey_url() -> Iterator[str]:
    with start_valkey() as server:
        yield server.url


@pytest.fixture
def valkey_url(shared_valkey_url: str) -> str:
    """A server without keys: what an earlier test cached would be counted and dropped."""
    with Redis.from_url(shared_valkey_url) as client:
        client.flushall()
    return shared_valkey_url


def redis_py_client(redis_client: RedisClient | None) -> Any:
    """redis-py's client, which one server's `RedisClient` wraps; its methods are not typed."""
    assert isinstance(redis_client, RedisServerClient)
    return redis_client._client


@pytest.fixture(scope="session")
def cluster_url() -> Iterator[str]:
    with valkey_cluster() as cluster:
        yield cluster.url


@pytest.fixture(params=["fakeredis", "valkey", pytest.param("cluster", marks=pytest.mark.cluster)])
async def cache(request: pytest.FixtureRequest) -> AsyncIterator[Cache]:
    """An empty cache on each kind of Redis."""
    if request.param == "fakeredis":
        settings = Settings(redis_timeout=5)
        redis_client: RedisClient = RedisServerClient(
            fakeredis.FakeAsyncRedis(server_type="valkey"), timeout=5
        )
    else:
        clustered = request.param == "cluster"
        url = request.getfixturevalue("cluster_url" if clustered else "valkey_url")
        settings = Settings(redis_url=url, redis_cluster=clustered, redis_timeout=5)
        redis_client = open_redis_client(settings)
    cache = Cache(redis_client, settings)
    await cache.flush()
    yield cache
    await redis_client.aclose()
