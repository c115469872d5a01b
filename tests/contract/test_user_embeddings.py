"""Contract of L2: embeddings shared by all users, or stored for each user."""

import asyncio
import time

import pytest

from infra.local.valkey import start_valkey
from shared.cache import keyspace, l2_embeddings
from shared.cache.counter_reader import CounterReader
from shared.cache.redis.factory import open_redis_client
from shared.cache.session import CacheSession
from shared.settings import Settings
from shared.vectors import Vector
from tests.support.caches import PIPELINE, Cache, a_vector, an_answer, keys, sources
from tests.support.servers import send_command

QUESTION = "what is faith"


@pytest.fixture
def private(cache: Cache) -> Cache:
    """The same cache, with embeddings stored for each user."""
    return cache.with_settings(embeddings_per_user=True)


async def load_embedding(cache: Cache, user: str) -> Vector | None:
    """Return the cached embedding that a miss of this user loads."""
    session = cache.session(user)
    await session.lookup(only_fence=True)
    return (await session.load_miss_context()).vector


async def start_miss(cache: Cache, user: str = "ann") -> CacheSession:
    """Return a session that is about to generate an answer."""
    session = cache.session(user)
    await session.lookup()
    await session.load_miss_context()
    return session


async def test_shared_embedding_is_loaded_for_another_user(
    cache: Cache,
) -> None:
    await cache.ask("ann")
    assert (await load_embedding(cache, "bob") == a_vector(QUESTION)).all()  # type: ignore[union-attr]  # or it fails


async def test_user_embedding_is_loaded_for_its_user_only(private: Cache) -> None:
    await private.ask("ann")
    assert await load_embedding(private, "bob") is None
    vector = await load_embedding(private, "ann")
    assert vector is not None
    assert vector.tobytes() == a_vector(QUESTION).tobytes()


async def test_user_embedding_survives_a_note_change(private: Cache) -> None:
    await private.ask("ann")
    index = await private.invalidation().rotate_fence("ann")
    await private.invalidation().drop_entries("ann", index)
    assert await load_embedding(private, "ann") is not None


@pytest.mark.parametrize("per_user", [False, True])
async def test_delete_user_leaves_no_key_of_the_user(cache: Cache, *, per_user: bool) -> None:
    cache = cache.with_settings(embeddings_per_user=per_user)
    await cache.ask("ann")
    await cache.ask("ann", "what is hope")
    own = keys().questions.removesuffix("questions").encode()
    assert any(key.startswith(own) for key in await cache.scan())
    await cache.invalidation().delete_user("ann")
    left = await cache.scan()
    assert not any(key.startswith(own) for key in left)
    # A shared embedding names no user and contains no text.
    assert sum(b":embedding:" in key for key in left) == (0 if per_user else 2)


async def test_generation_in_progress_stores_nothing_of_a_deleted_user(
    private: Cache,
) -> None:
    await private.ask("ann", "what is hope")
    session = await start_miss(private)
    await private.invalidation().delete_user("ann")
    assert not await session.store(a_vector(QUESTION), sources(), an_answer())
    left = [
        key for key in await private.scan() if b"counters" not in key and b":entries" not in key
    ]
    assert left == []


async def test_user_embeddings_have_a_maximum_and_a_ttl(private: Cache) -> None:
    small = private.with_settings(max_questions=3)
    for number in range(12):
        await small.ask("ann", f"what is {number}")
        assert await small.redis("HLEN", keys().embeddings) <= 3  # type: ignore[operator]  # it counts
    assert await small.redis("HLEN", keys().embeddings) == 3
    ttl = await small.redis("TTL", keys().embeddings)
    assert 0 < ttl <= small.settings.embedding_ttl  # type: ignore[operator]  # as above


async def test_delete_user_subtracts_user_embeddings_from_the_entry_counts(
    private: Cache,
) -> None:
    await private.ask("ann")
    counts = await private.read_hash(keyspace.entry_counts_key(keys().partition))
    assert {int(count) for kind, count in counts.items() if kind[:1] == b"e"} == {1}
    await private.invalidation().delete_user("ann")
    counts = await private.read_hash(keyspace.entry_counts_key(keys().partition))
    assert {int(count) for kind, count in counts.items() if kind[:1] == b"e"} == {0}


async def count_embeddings(cache: Cache) -> tuple[int, int, int]:
    """Return the numbers of embeddings that exist, were stored and were dropped."""
    snapshot = await CounterReader(cache.redis_client).read_snapshot()
    return snapshot.entries.embeddings, snapshot.total["l2_stores"], snapshot.total["l2_drops"]


async def test_user_embedding_is_counted_once_and_not_after_eviction(
    private: Cache,
) -> None:
    small = private.with_settings(max_questions=3)
    for number in range(5):
        await small.ask("ann", f"what is {number}")
    assert await count_embeddings(private) == (3, 5, 2)
    both = [await start_miss(private, "bob"), await start_miss(private, "bob")]
    for session in both:
        assert await session.store(a_vector(QUESTION), sources(), an_answer())
    assert (await count_embeddings(private))[0] == 4
    await private.invalidation().delete_user("ann")
    assert (await count_embeddings(private))[::2] == (1, 5)


async def test_refused_user_embedding_is_not_counted(
    private: Cache,
) -> None:
    session = await start_miss(private)
    await private.invalidation().rotate_fence("ann")
    assert not await session.store(a_vector(QUESTION), sources(), an_answer())
    assert await count_embeddings(private) == (0, 0, 0)


async def test_shared_embedding_is_counted_once(cache: Cache) -> None:
    sessions = [await start_miss(cache, user) for user in ("ann", "bob", "cy")]
    await asyncio.gather(
        *(session.store(a_vector(QUESTION), sources(), an_answer()) for session in sessions)
    )
    assert await count_embeddings(cache) == (1, 1, 0)


async def test_corrupt_shared_embedding_is_replaced_and_counted_once(cache: Cache) -> None:
    await cache.ask("ann")
    key = keyspace.embedding_key(PIPELINE.embedding, QUESTION)
    await cache.redis("SET", key, "corrupt", "KEEPTTL")
    await cache.ask("bob")
    assert await count_embeddings(cache) == (1, 2, 0)
    assert (await load_embedding(cache, "cy") == a_vector(QUESTION)).all()  # type: ignore[union-attr]  # or it fails
    ttl = await cache.redis("TTL", key)
    assert 0 < ttl <= cache.settings.embedding_ttl  # type: ignore[operator]  # it counts


async def test_foreign_value_under_the_embeddings_key_is_replaced(private: Cache) -> None:
    await private.redis("SET", keys().embeddings, "foreign")
    await private.ask("ann")
    assert await load_embedding(private, "ann") is not None


async def test_delete_user_works_while_redis_is_full() -> None:
    with start_valkey() as server:
        settings = Settings(redis_url=server.url, redis_timeout=5, embeddings_per_user=True)
        cache = Cache(open_redis_client(settings), settings)
        await cache.ask("ann")
        send_command(server.port, "CONFIG SET maxmemory 1")
        await cache.invalidation().delete_user("ann")
        assert await cache.scan() == [
            key for key in await cache.scan() if b"counters" in key or b":entries" in key
        ]
        await cache.redis_client.aclose()


def test_expired_or_corrupt_user_embedding_is_a_miss() -> None:
    vector = a_vector(QUESTION).tobytes()
    tier = l2_embeddings.EmbeddingTier(Settings(embeddings_per_user=True), PIPELINE, keys())
    arguments = tier.store(QUESTION, vector, "fence").arguments
    value = next(each for each in arguments if isinstance(each, bytes))
    bare = value[:-10]

    def decode(data: bytes) -> bytes | None:
        return l2_embeddings.decode(QUESTION, len(vector), data)

    assert decode(value) == decode(bare) == vector
    assert decode(bare + b"%010d" % (time.time() - 1)) is None
    assert decode(bare + b"not a time") is None
    assert decode(bare + b"1") is None
    assert decode(bare[:-1]) is None
