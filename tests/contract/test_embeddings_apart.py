"""L2: shared by all users, or kept apart for each, who takes theirs along when they leave."""

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
def apart(cache: Cache) -> Cache:
    """The same cache, with embeddings kept apart."""
    return cache.with_settings(embeddings_per_user=True)


async def found(cache: Cache, user: str) -> Vector | None:
    """The embedding that a user's question finds, when its answer is gone."""
    session = cache.session(user)
    await session.lookup(only_fence=True)
    return (await session.load_miss_context()).vector


async def begun(cache: Cache, user: str = "ann") -> CacheSession:
    """A question on its way: its answer is being written."""
    session = cache.session(user)
    await session.lookup()
    await session.load_miss_context()
    return session


async def test_shared_embeddings_tell_another_user_that_somebody_asked_these_words(
    cache: Cache,
) -> None:
    await cache.ask("ann")
    assert (await found(cache, "bob") == a_vector(QUESTION)).all()  # type: ignore[union-attr]  # or it fails


async def test_embeddings_kept_apart_are_found_by_their_own_user_alone(apart: Cache) -> None:
    await apart.ask("ann")
    assert await found(apart, "bob") is None
    vector = await found(apart, "ann")
    assert vector is not None
    assert vector.tobytes() == a_vector(QUESTION).tobytes()


async def test_they_outlive_the_answer_that_a_note_change_drops(apart: Cache) -> None:
    await apart.ask("ann")
    index = await apart.invalidation().rotate_fence("ann")
    await apart.invalidation().drop_entries("ann", index)
    assert await found(apart, "ann") is not None


@pytest.mark.parametrize("per_user", [False, True])
async def test_a_user_who_is_forgotten_leaves_nothing(cache: Cache, *, per_user: bool) -> None:
    cache = cache.with_settings(embeddings_per_user=per_user)
    await cache.ask("ann")
    await cache.ask("ann", "what is hope")
    own = keys().questions.removesuffix("questions").encode()
    assert any(key.startswith(own) for key in await cache.scan())
    await cache.invalidation().delete_user("ann")
    left = await cache.scan()
    assert not any(key.startswith(own) for key in left)
    # What all share names nobody and holds no words.
    assert sum(b":embedding:" in key for key in left) == (0 if per_user else 2)


async def test_nothing_comes_back_with_an_answer_that_was_being_written_meanwhile(
    apart: Cache,
) -> None:
    await apart.ask("ann", "what is hope")
    session = await begun(apart)
    await apart.invalidation().delete_user("ann")
    assert not await session.store(a_vector(QUESTION), sources(), an_answer())
    left = [key for key in await apart.scan() if b"counters" not in key and b":entries" not in key]
    assert left == []


async def test_a_user_has_only_so_many_and_none_for_ever(apart: Cache) -> None:
    small = apart.with_settings(max_questions=3)
    for number in range(12):
        await small.ask("ann", f"what is {number}")
        assert await small.redis("HLEN", keys().embeddings) <= 3  # type: ignore[operator]  # it counts
    assert await small.redis("HLEN", keys().embeddings) == 3
    ttl = await small.redis("TTL", keys().embeddings)
    assert 0 < ttl <= small.settings.embedding_ttl  # type: ignore[operator]  # as above


async def test_what_is_kept_apart_is_counted_out_when_its_user_leaves(apart: Cache) -> None:
    await apart.ask("ann")
    live = await apart.redis("HGETALL", keys().entry_counts)
    assert {int(count) for kind, count in live.items() if kind[:1] == b"e"} == {1}  # type: ignore[attr-defined]  # a hash
    await apart.invalidation().delete_user("ann")
    live = await apart.redis("HGETALL", keys().entry_counts)
    assert {int(count) for kind, count in live.items() if kind[:1] == b"e"} == {0}  # type: ignore[attr-defined]  # a hash


async def live(cache: Cache) -> tuple[int, int, int]:
    """How many embeddings are counted: those that live, were stored and were dropped."""
    figures = await CounterReader(cache.redis_client).read_snapshot()
    return figures.entries.embeddings, figures.total["l2_stores"], figures.total["l2_drops"]


async def test_each_that_is_kept_apart_is_counted_once_and_what_the_bound_drops_counts_no_more(
    apart: Cache,
) -> None:
    small = apart.with_settings(max_questions=3)
    for number in range(5):
        await small.ask("ann", f"what is {number}")
    assert await live(apart) == (3, 5, 2)
    both = [await begun(apart, "bob"), await begun(apart, "bob")]
    for session in both:
        assert await session.store(a_vector(QUESTION), sources(), an_answer())
    assert (await live(apart))[0] == 4
    await apart.invalidation().delete_user("ann")
    assert (await live(apart))[::2] == (1, 5)


async def test_one_that_was_refused_because_a_note_had_changed_is_not_counted(
    apart: Cache,
) -> None:
    session = await begun(apart)
    await apart.invalidation().rotate_fence("ann")
    assert not await session.store(a_vector(QUESTION), sources(), an_answer())
    assert await live(apart) == (0, 0, 0)


async def test_one_that_all_share_is_counted_once_however_many_bring_it(cache: Cache) -> None:
    visits = [await begun(cache, user) for user in ("ann", "bob", "cy")]
    await asyncio.gather(
        *(session.store(a_vector(QUESTION), sources(), an_answer()) for session in visits)
    )
    assert await live(cache) == (1, 1, 0)


async def test_one_that_was_damaged_is_replaced_and_still_counted_once(cache: Cache) -> None:
    await cache.ask("ann")
    key = keyspace.embedding(PIPELINE.embedding_model, QUESTION)
    await cache.redis("SET", key, "damaged", "KEEPTTL")
    await cache.ask("bob")
    assert await live(cache) == (1, 2, 0)
    assert (await found(cache, "cy") == a_vector(QUESTION)).all()  # type: ignore[union-attr]  # or it fails
    ttl = await cache.redis("TTL", key)
    assert 0 < ttl <= cache.settings.embedding_ttl  # type: ignore[operator]  # it counts


async def test_what_is_not_ours_under_their_name_makes_room(apart: Cache) -> None:
    await apart.redis("SET", keys().embeddings, "somebody else's")
    await apart.ask("ann")
    assert await found(apart, "ann") is not None


async def test_a_full_redis_can_still_forget_them() -> None:
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


def test_one_that_is_over_or_damaged_at_its_end_is_a_miss() -> None:
    vector = a_vector(QUESTION).tobytes()
    tier = l2_embeddings.EmbeddingTier(Settings(embeddings_per_user=True), PIPELINE, keys())
    value = tier.store(QUESTION, vector, "fence").arguments[9]
    assert isinstance(value, bytes)
    bare = value[:-10]

    def read(data: bytes) -> bytes | None:
        return l2_embeddings.decode(QUESTION, len(vector), data)

    assert read(value) == read(bare) == vector
    assert read(bare + b"%010d" % (time.time() - 1)) is None
    assert read(bare + b"not a time") is None
    assert read(bare + b"1") is None
    assert read(bare[:-1]) is None
