"""An acknowledged invalidation is on as many replicas as the settings require."""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass

import pytest

from infra.local.valkey import ValkeyProcess, start_valkey
from shared.cache import counters
from shared.cache.feedback import Feedback
from shared.cache.invalidation import Invalidation
from shared.cache.keyspace import UserKeys
from shared.cache.redis.factory import open_redis_client
from shared.cache.results import LookupResult
from shared.errors import CacheUnavailableError
from shared.settings import Settings
from tests.support.caches import Cache, a_vector, sources
from tests.support.faulty_proxy import FaultyProxy
from tests.support.servers import send_command, valkey_cluster
from tests.support.waiting import until

pytestmark = pytest.mark.xdist_group("replicas")


@dataclass(frozen=True)
class Replicated:
    """Masters with one replica each, and the URL of one of them."""

    url: str
    masters: list[ValkeyProcess]
    replicas: list[ValkeyProcess]
    clustered: bool = False

    def send(self, command: str) -> list[str]:
        """Send a command to each replica and return the replies."""
        return [send_command(replica.port, command) for replica in self.replicas]


@pytest.fixture(
    scope="module", params=["standalone", pytest.param("cluster", marks=pytest.mark.cluster)]
)
def servers(request: pytest.FixtureRequest) -> Iterator[Replicated]:
    if request.param == "cluster":
        with valkey_cluster(replicas=1) as cluster:
            nodes = cluster.nodes
            yield Replicated(cluster.url, nodes[:3], nodes[3:], clustered=True)
        return
    with ExitStack() as stack:
        master = stack.enter_context(start_valkey(repl_diskless_sync_delay=0))
        replica = stack.enter_context(start_valkey(replicaof=f"127.0.0.1 {master.port}"))
        yield Replicated(master.url, [master], [replica])


@pytest.fixture
async def replicated(servers: Replicated) -> AsyncIterator[tuple[Cache, list[int]]]:
    """An empty cache with one replica for each master, and the replicas' process ids.

    A test may stop them; they are continued afterwards.
    """
    await until(
        lambda: all("link_status:up" in reply for reply in servers.send("INFO replication"))
    )
    for master in servers.masters:
        send_command(master.port, "FLUSHALL")
    await until(lambda: set(servers.send("DBSIZE")) == {":0\r\n"})
    settings = Settings(redis_url=servers.url, redis_cluster=servers.clustered, redis_timeout=2)
    redis_client = open_redis_client(settings)
    yield Cache(redis_client, settings), [replica.pid for replica in servers.replicas]
    for replica in servers.replicas:
        os.kill(replica.pid, signal.SIGCONT)
    await redis_client.aclose()


async def test_an_invalidation_succeeds_when_a_replica_acknowledges_it(
    replicated: tuple[Cache, list[int]],
) -> None:
    cache, _ = replicated
    await cache.ask()
    invalidation = Invalidation(cache.redis_client, replicas=1)
    index = await invalidation.rotate_fence("ann")
    await invalidation.drop_entries("ann", list(index))
    assert await cache.session().lookup() == LookupResult()
    await invalidation.delete_user("ann")


@pytest.mark.parametrize("scripts_lost", [False, True])
async def test_an_invalidation_fails_when_no_replica_acknowledges_it(
    replicated: tuple[Cache, list[int]], *, scripts_lost: bool
) -> None:
    """Also when the script is sent a second time: then WAIT is sent again too."""
    cache, pids = replicated
    await cache.ask()
    invalidation = Invalidation(cache.redis_client, replicas=1)
    index = await invalidation.rotate_fence("ann")
    if scripts_lost:
        await cache.lose_scripts()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    with pytest.raises(CacheUnavailableError, match="0 of 1 replicas"):
        await invalidation.drop_entries("ann", list(index))


@pytest.mark.parametrize("evicted", [False, True])
async def test_a_rotated_fence_fails_when_no_replica_acknowledges_it(
    servers: Replicated, replicated: tuple[Cache, list[int]], *, evicted: bool
) -> None:
    """A promoted replica would have the old fence, or an index that its master had evicted."""
    cache, pids = replicated
    await cache.ask()
    invalidation = Invalidation(cache.redis_client, replicas=1)
    await invalidation.rotate_fence("ann")  # the replica has all former writes
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    for master in servers.masters if evicted else ():
        with suppress(RuntimeError):  # another master of the cluster has the key
            send_command(master.port, f"UNLINK {UserKeys.of('ann').questions}")
    with pytest.raises(CacheUnavailableError, match="0 of 1 replicas"):
        await invalidation.rotate_fence("ann")


@pytest.mark.parametrize("match", [False, True])
async def test_feedback_fails_when_no_replica_acknowledges_it(
    replicated: tuple[Cache, list[int]], *, match: bool
) -> None:
    """After a failover the wrong answer would be found again."""
    cache, pids = replicated
    answer_id = (await cache.ask()).answer_id
    if match:
        session = cache.session(question="define faith")
        await session.lookup()
        (target,) = (await session.load_miss_context()).matchable_entries.items()
        assert await session.store_alias(a_vector("define faith"), sources(), target, 0.93)
        answer_id = f"{answer_id}.{session.field}"
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    with pytest.raises(CacheUnavailableError, match="0 of 1 replicas"):
        await Feedback(cache.redis_client, replicas=1).reject_answer("ann", answer_id)


async def test_an_invalidation_closes_the_circuit_breaker_and_counts_the_outage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each outage is counted once."""
    monkeypatch.setattr("shared.cache.redis.circuit_breaker.OPEN_SECONDS", 0.0)
    with (
        start_valkey(repl_diskless_sync_delay=0) as master,
        start_valkey(replicaof=f"127.0.0.1 {master.port}") as replica,
        FaultyProxy(master.port) as proxy,
    ):
        await until(
            lambda: "master_link_status:up" in send_command(replica.port, "INFO replication")
        )
        redis_client = open_redis_client(Settings(redis_url=proxy.url), timeout=5)
        invalidation = Invalidation(redis_client, replicas=1)
        for _ in range(2):
            proxy.cut = True
            with pytest.raises(CacheUnavailableError):
                await invalidation.drop_entries("ann", [])
            assert redis_client.circuit_breaker.is_open
            proxy.cut = False
            await invalidation.drop_entries("ann", [])
            assert not redis_client.circuit_breaker.is_open
        await redis_client.aclose()
        key = counters.counter_keys(UserKeys.of("ann").partition)[1]
        assert send_command(master.port, f"HGET {key} redis_outages") == "$1\r\n2\r\n"
