"""A cluster that loses a node or migrates slots, under continuous load."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import asynccontextmanager, suppress

import pytest

from infra.local.valkey import ValkeyProcess
from shared.cache.stats_snapshot import StatsSnapshot
from shared.errors import CacheUnavailableError
from tests.support.fakes import create_container
from tests.support.full_stack import ask, updated
from tests.support.load import Load
from tests.support.resharding import migrate_atomically, migrate_key_by_key, slot_of
from tests.support.servers import ValkeyCluster, send_command, valkey_cluster
from tests.support.waiting import until

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

ASKED = "What is faith?"
USERS = [f"user {number}" for number in range(24)]
MAX_SECONDS = 10.0
"""Limit for an answer on a busy machine; `make bench` measures the added latency."""

MAX_SECONDS_AFTER_FAILOVER = MAX_SECONDS + 3.0
"""The same plus the TTL of a single-flight lock, whose holder may have lost it in the failover."""


def users_of_node(number: int, *, nodes: int = 3) -> list[str]:
    """The users whose slots this master has initially."""
    return [user for user in USERS if slot_of(user) * nodes // 16_384 == number]


@asynccontextmanager
async def load_on(
    cluster: ValkeyCluster, *, replicas: int = 0, slowest: float = MAX_SECONDS
) -> AsyncIterator[Load]:
    """Load on a cluster whose users have one note each. Every question must be answered."""
    url = cluster.url.removesuffix("/0") + "/1"  # a cluster has no databases
    container = create_container(
        url, redis_cluster=True, redis_replicas=replicas, redis_timeout=0.25
    )
    load = Load(container, USERS)
    await asyncio.gather(*map(load.change, USERS))
    yield load
    await container.aclose()
    assert not load.errors
    assert not load.stale
    assert max(served.seconds for served in load.served) < slowest


async def ask_until_cached(load: Load, users: Iterable[str]) -> None:
    """Ask until all users are served from the cache."""
    async with asyncio.timeout(60):
        for user in users:
            while True:
                reply = await ask(load.container, user, ASKED)
                if reply.tier == "l1":
                    break
                await asyncio.sleep(0.05)


async def read_statistics(load: Load) -> StatsSnapshot:
    """Read statistics, and retry while the cluster is unavailable."""
    async with asyncio.timeout(60):
        while True:
            with suppress(CacheUnavailableError):
                return await load.container.counter_reader.read_snapshot()
            await asyncio.sleep(0.05)


async def replace_killed_master(cluster: ValkeyCluster) -> None:
    """Make the spare node a replica of the promoted one, as an operator would."""
    await asyncio.to_thread(cluster.replicate, cluster.nodes[6], cluster.nodes[4])


async def test_a_killed_master_fails_no_request_and_loses_no_acknowledged_change(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, "shared.cache")
    with valkey_cluster(replicas=1, spares=1, cluster_node_timeout=500) as cluster:
        async with load_on(cluster, replicas=1, slowest=MAX_SECONDS_AFTER_FAILOVER) as load:
            async with load.running():
                await asyncio.sleep(1)
                os.kill(cluster.nodes[1].pid, signal.SIGKILL)
                await asyncio.sleep(1)
                await ask_until_cached(load, USERS)
            assert (await read_statistics(load)).total.exact_hits, (
                "the promoted replica has the counters"
            )
            await replace_killed_master(cluster)
            async with asyncio.timeout(30):
                await asyncio.gather(*map(load.change, USERS))
            await asyncio.gather(*(load.ask(user, ASKED) for user in USERS))
    messages = [record.message for record in caplog.records]
    assert messages.count("the cache is unavailable") <= 2 * 4, "one for each server and client"


@pytest.mark.slow
async def test_a_change_is_not_acknowledged_if_only_the_killed_master_has_it() -> None:
    """Otherwise the promoted replica would serve the answer from before the change."""
    with valkey_cluster(replicas=1, spares=1, cluster_node_timeout=500) as cluster:
        async with load_on(cluster, replicas=1, slowest=MAX_SECONDS_AFTER_FAILOVER) as load:
            user = users_of_node(1)[0]
            await ask_until_cached(load, [user])
            _, master, _, _, replica, *_ = cluster.nodes
            os.kill(replica.pid, signal.SIGSTOP)
            # Otherwise the write would reach the stopped replica's socket buffer.
            send_command(master.port, "CLIENT KILL TYPE replica")
            try:
                with pytest.raises(CacheUnavailableError, match="0 of 1 replicas"):
                    await load.container.freshness.note_changed(
                        updated(user, "note", "Edition 2 speaks of faith.")
                    )
                os.kill(master.pid, signal.SIGKILL)
            finally:
                os.kill(replica.pid, signal.SIGCONT)
            await ask_until_cached(load, [user])
            reply = await ask(load.container, user, ASKED)
            assert reply.answer
            assert "Edition 1" in reply.answer.text, "the replica must not have the change"
            await replace_killed_master(cluster)
            async with asyncio.timeout(30):
                await load.change(user)
            await load.ask(user, ASKED)


@pytest.mark.parametrize("full_coverage", [pytest.param("no", marks=pytest.mark.slow), "yes"])
async def test_a_lost_node_disables_the_cache_of_its_users_only(
    full_coverage: str,
) -> None:
    with valkey_cluster(
        cluster_node_timeout=500, cluster_require_full_coverage=full_coverage
    ) as cluster:
        lost = USERS if full_coverage == "yes" else users_of_node(1)
        async with load_on(cluster) as load:
            async with load.running():
                await until(lambda: {served.user for served in load.served} == set(USERS))
                os.kill(cluster.nodes[1].pid, signal.SIGKILL)
                # The other nodes notice it after the cluster's node time-out.
                await until(lambda: _settled(load, lost))
            for user in USERS:
                attempts = 3 if user in lost else 20  # on a busy machine some attempts time out
                caches = [(await ask(load.container, user, ASKED)).cache for _ in range(attempts)]
                assert ("ok" in caches) is (user not in lost)
            # Without a partition's counters the sums would be wrong.
            with pytest.raises(CacheUnavailableError):
                await load.container.counter_reader.read_snapshot()


def _settled(load: Load, lost: Collection[str]) -> bool:
    """Whether the last cache status of each user is the expected one."""
    last = {served.user: served.cache for served in load.served}
    return all(last[user] == ("unavailable" if user in lost else "ok") for user in USERS)


@pytest.mark.slow
@pytest.mark.parametrize("move", [migrate_key_by_key, migrate_atomically])
async def test_migrated_slots_contain_no_stale_answer(
    move: Callable[[ValkeyProcess, ValkeyProcess, Iterable[int]], None],
) -> None:
    with valkey_cluster() as cluster:
        async with load_on(cluster) as load, load.running():
            await asyncio.sleep(0.5)
            slots = sorted(set(map(slot_of, users_of_node(0))))
            await asyncio.to_thread(move, cluster.nodes[0], cluster.nodes[1], slots)
            await ask_until_cached(load, USERS)


@pytest.mark.slow
async def test_statistics_are_correct_or_unavailable_while_slots_migrate() -> None:
    """In both ways, there and back. The expected result is constant: there is no other load."""
    with valkey_cluster() as cluster:
        async with load_on(cluster) as load:
            await ask_until_cached(load, USERS)
            await asyncio.gather(*(load.ask(user, ASKED) for user in USERS))
            await load.container.aclose()  # it flushes pending counters
            expected = await read_statistics(load)
            assert expected.total.exact_hits >= len(USERS)
            readings: list[StatsSnapshot | None] = []

            async def read_repeatedly() -> None:
                while True:
                    try:
                        readings.append(await load.container.counter_reader.read_snapshot())
                    except CacheUnavailableError:
                        readings.append(None)

            reading = asyncio.create_task(read_repeatedly())
            slots = sorted(set(map(slot_of, users_of_node(0))))
            source, target, _ = cluster.nodes
            for move in (migrate_key_by_key, migrate_atomically) * 2:
                await asyncio.to_thread(move, source, target, slots)
                source, target = target, source
            await until(lambda: readings[-1])
            reading.cancel()
    known = [reading for reading in readings if reading]
    assert len(known) > 10
    assert all((each.total, each.entries) == (expected.total, expected.entries) for each in known)
