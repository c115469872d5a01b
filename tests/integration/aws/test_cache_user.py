"""The access string of the functions' ElastiCache user permits what they need, and no more."""

import pytest
from redis import Redis
from redis.cluster import RedisCluster
from redis.exceptions import NoPermissionError

from shared.cache.counter_reader import CounterReader
from shared.cache.invalidation import Invalidation
from shared.cache.redis.commands import Command
from shared.cache.redis.factory import open_redis_client
from shared.settings import Settings
from tests.support.caches import Cache
from tests.support.templates import TEMPLATES

ACCESS = TEMPLATES["infra/aws/cache.yaml"]["Resources"]["User"]["Properties"]["AccessString"]
USER, PASSWORD = "tercet-functions", "instead-of-a-token"


@pytest.fixture(params=["valkey", pytest.param("cluster", marks=pytest.mark.cluster)])
def settings(request: pytest.FixtureRequest) -> Settings:
    """Settings of a function with the user of the template."""
    url = request.getfixturevalue(f"{request.param}_url")
    clustered = request.param == "cluster"
    rights = ("reset", f">{PASSWORD}", *ACCESS.split())
    if clustered:
        with RedisCluster.from_url(url) as admin:
            everywhere = RedisCluster.ALL_NODES
            admin.execute_command("ACL SETUSER", USER, *rights, target_nodes=everywhere)
    else:
        with Redis.from_url(url) as admin:
            admin.execute_command("ACL SETUSER", USER, *rights)
    url = url.replace("redis://", f"redis://{USER}:{PASSWORD}@")
    return Settings(redis_url=url, redis_cluster=clustered, redis_timeout=5)


async def test_the_user_may_read_store_count_and_invalidate(settings: Settings) -> None:
    cache = Cache(open_redis_client(settings), settings)
    stored = await cache.ask("ann")
    found = await cache.session("ann").lookup()
    assert found.answer == stored
    invalidation = Invalidation(cache.redis_client)
    fields = await invalidation.rotate_fence("ann")
    await invalidation.drop_entries("ann", fields)
    assert (await cache.session("ann").lookup()).answer is None
    await invalidation.delete_user("ann")
    counter_reader = CounterReader(cache.redis_client)
    assert (await counter_reader.read_snapshot(2)).total
    memory = await cache.redis_client.memory_usage()
    assert memory
    assert memory[0] > 0
    write_and_wait = (Command.of("SET", "key", "value"), Command.of("WAIT", 0, 100))
    assert await cache.redis_client.execute(*write_and_wait) == [b"OK", 0]
    await cache.redis_client.aclose()


@pytest.mark.parametrize("command", ["FLUSHALL", "KEYS *", "CONFIG GET *", "ACL LIST", "MONITOR"])
def test_the_user_may_not_administer_the_cache(valkey_url: str, command: str) -> None:
    with Redis.from_url(valkey_url) as admin:
        admin.execute_command("ACL SETUSER", "limited", "reset", f">{PASSWORD}", *ACCESS.split())
    with (
        Redis.from_url(valkey_url, username="limited", password=PASSWORD) as limited,
        pytest.raises(NoPermissionError),
    ):
        limited.execute_command(*command.split())
