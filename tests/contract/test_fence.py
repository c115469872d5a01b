"""Contract of the fence, on each kind of Redis: a resent command never restores a former fence."""

from shared.cache import index_entries, invalidation
from shared.cache.redis.commands import Command
from tests.support.caches import Cache, a_vector, an_answer, keys, sources

QUESTION = "what is faith"


def rotate_command() -> Command:
    return invalidation._ROTATE_FENCE.call([keys().questions], "the-same-token")


def drop_command() -> Command:
    field = "a-field"
    return invalidation._DROP_ENTRIES.call(
        invalidation._script_keys(keys()), "the-same-token", 60, 1, field
    )


async def read_fence(cache: Cache) -> object:
    return await cache.redis("HGET", keys().questions, "fence")


async def test_resent_command_sets_another_fence(cache: Cache) -> None:
    await cache.ask()
    for command in (rotate_command(), drop_command()):
        fences = []
        for _ in range(3):
            await cache.redis_client.execute(command)
            fences.append(await read_fence(cache))
        assert len(set(fences)) == 3


async def test_resent_lookup_sets_another_fence(cache: Cache) -> None:
    """The index with the fence of the first lookup may have been evicted."""
    session = cache.session()
    command = session._lookup("ask")
    await cache.redis_client.execute(command)
    first = await read_fence(cache)
    await cache.redis("UNLINK", keys().questions)
    await cache.redis_client.execute(command)
    assert await read_fence(cache) != first


async def test_resent_rotation_of_an_earlier_change_accepts_no_store(
    cache: Cache,
) -> None:
    """The first change's command runs again after the second change's."""
    await cache.ask()
    first = rotate_command()
    await cache.redis_client.execute(first)
    session = cache.session(question="define faith")
    await session.lookup()
    await session.load_miss_context()
    await cache.invalidation().rotate_fence("ann")
    await cache.redis_client.execute(first)
    await cache.invalidation().drop_entries("ann", [])
    assert not await session.store(a_vector("define faith"), sources(), an_answer())
    index = await cache.read_hash(keys().questions)
    entries = index_entries.decode_index(index.items()).values()
    assert [entry.question for entry in entries if entry] == [QUESTION]
