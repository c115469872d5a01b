"""No fence ever comes back, on each kind of Redis: commands whose reply was lost are sent again."""

from shared.cache import index_entries, invalidation
from shared.cache.redis.commands import Command
from tests.support.caches import Cache, a_vector, an_answer, keys, sources

QUESTION = "what is faith"


def raising() -> Command:
    return invalidation._ROTATE_FENCE.call([keys().questions], "the-same-token")


def dropping() -> Command:
    field = "a-field"
    return invalidation._DROP_ENTRIES.call(
        invalidation._script_keys(keys()), "the-same-token", 60, 0, field
    )


async def fence(cache: Cache) -> object:
    return await cache.redis("HGET", keys().questions, "fence")


async def test_a_command_that_is_sent_again_sets_another_fence(cache: Cache) -> None:
    await cache.ask()
    for command in (raising(), dropping()):
        fences = []
        for _ in range(3):
            await cache.redis_client.execute(command)
            fences.append(await fence(cache))
        assert len(set(fences)) == 3


async def test_a_look_up_that_is_sent_again_sets_another_fence(cache: Cache) -> None:
    """Where the one that it set before is lost, and may have been replaced before that."""
    session = cache.session()
    command = session._lookup("ask", session._field, aliases=True)
    await cache.redis_client.execute(command)
    first = await fence(cache)
    await cache.redis("UNLINK", keys().questions)
    await cache.redis_client.execute(command)
    assert await fence(cache) != first


async def test_what_was_asked_between_two_changes_is_not_kept_though_the_first_comes_again(
    cache: Cache,
) -> None:
    """The first one's command is carried out once more, after the second one's."""
    await cache.ask()
    first = raising()
    await cache.redis_client.execute(first)
    session = cache.session(question="define faith")
    await session.lookup()
    await session.load_miss_context()
    await cache.invalidation().rotate_fence("ann")
    await cache.redis_client.execute(first)
    await cache.invalidation().drop_entries("ann", [])
    assert not await session.store(a_vector("define faith"), sources(), an_answer())
    (index,) = await cache.redis_client.execute(Command.of("HGETALL", keys().questions))
    asked = [
        entry.question for entry in index_entries.decode_index(index.items()).values() if entry
    ]
    assert asked == [QUESTION]
