"""An acknowledged invalidation is held by as many replicas as the settings ask for."""

import os
import signal
from collections.abc import AsyncIterator, Iterator

import pytest

from infra.local.valkey import start_valkey
from shared.cache.connection import Connection
from shared.cache.found import Found
from shared.cache.invalidation import Invalidation
from shared.errors import CacheUnavailableError
from shared.settings import Settings
from tests.support.caches import Cache
from tests.support.servers import call, valkey_cluster
from tests.support.waiting import until


@pytest.fixture
def replica_pids(request: pytest.FixtureRequest) -> Iterator[list[int]]:
    """Ids of processes that a test stops; they go on afterwards, so that they can end."""
    stopped: list[int] = []
    yield stopped
    for pid in stopped:
        os.kill(pid, signal.SIGCONT)


@pytest.fixture(params=["standalone", "cluster"])
async def replicated(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Cache, list[int]]]:
    """A cache whose every master has one replica, and the replicas' process ids."""
    clustered = request.param == "cluster"
    if clustered:
        with valkey_cluster(replicas=1) as cluster:
            pids = [node.pid for node in cluster.nodes[3:]]
            async for cache in _cache(cluster.url, clustered=True):
                yield cache, pids
        return
    with start_valkey() as master, start_valkey(replicaof=f"127.0.0.1 {master.port}") as replica:
        await until(lambda: "master_link_status:up" in call(replica.port, "INFO replication"))
        async for cache in _cache(master.url, clustered=False):
            yield cache, [replica.pid]


async def _cache(url: str, *, clustered: bool) -> AsyncIterator[Cache]:
    settings = Settings(redis_url=url, redis_cluster=clustered, redis_timeout=2)
    connection = Connection.open(settings)
    yield Cache(connection, settings)
    await connection.aclose()


async def test_an_invalidation_that_a_replica_holds_is_done(
    replicated: tuple[Cache, list[int]],
) -> None:
    cache, _ = replicated
    await cache.ask()
    invalidation = Invalidation(cache.connection, replicas=1)
    index = await invalidation.raise_fence("ann")
    await invalidation.drop("ann", list(index))
    assert await cache.visit().look_up() == Found()
    await invalidation.forget("ann")


@pytest.mark.parametrize("scripts_lost", [False, True])
async def test_one_that_no_replica_holds_is_not_done_and_says_so(
    replicated: tuple[Cache, list[int]], replica_pids: list[int], *, scripts_lost: bool
) -> None:
    """Also where the script is sent a second time: so must be the wait for it."""
    cache, pids = replicated
    await cache.ask()
    invalidation = Invalidation(cache.connection, replicas=1)
    index = await invalidation.raise_fence("ann")
    if scripts_lost:
        await cache.lose_scripts()
    replica_pids += pids
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    with pytest.raises(CacheUnavailableError, match="0 of 1 replicas"):
        await invalidation.drop("ann", list(index))


async def test_a_fence_that_no_replica_holds_is_not_raised(
    replicated: tuple[Cache, list[int]], replica_pids: list[int]
) -> None:
    """A replica that takes over would have the former one, and let in what was written before."""
    cache, pids = replicated
    await cache.ask()
    replica_pids += pids
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    with pytest.raises(CacheUnavailableError, match="0 of 1 replicas"):
        await Invalidation(cache.connection, replicas=1).raise_fence("ann")
