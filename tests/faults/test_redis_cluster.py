"""A cluster loses a node, or moves slots, while users ask and write without pause."""

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
from tests.support.load import Load
from tests.support.main_job import ask, written
from tests.support.resharding import migrate_atomically, migrate_key_by_key, slot_of
from tests.support.servers import ValkeyCluster, send_command, valkey_cluster
from tests.support.waiting import until

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

ASKED = "What is faith?"
USERS = [f"user {number}" for number in range(24)]
GENEROUS = 3.0
"""What a cache may at worst add to an answer on a busy machine, in seconds; the promise is 0.1."""

A_FLIGHT = 3.0 + GENEROUS
"""The same where Redis comes back: whoever answers a question may have lost it meanwhile, and
those who wait for that one's answer go on when the flight ends."""


def of_node(number: int, *, nodes: int = 3) -> list[str]:
    """The users whose slots this master has at first."""
    return [user for user in USERS if slot_of(user) * nodes // 16_384 == number]


@asynccontextmanager
async def loaded(
    cluster: ValkeyCluster, *, replicas: int = 0, slowest: float = GENEROUS
) -> AsyncIterator[Load]:
    """Users of a cluster, each with a note; whatever befalls them, all questions are answered."""
    url = cluster.url.removesuffix("/0") + "/1"  # as in the default; a cluster has no databases
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


async def cached_again(load: Load, users: Iterable[str]) -> None:
    """Ask until all of them are served by the cache."""
    async with asyncio.timeout(60):
        for user in users:
            while True:
                reply = await ask(load.container, user, ASKED)
                if reply.tier == "l1":
                    break
                await asyncio.sleep(0.05)


async def figures(load: Load) -> StatsSnapshot:
    """StatsSnapshot, as soon as they are not refused."""
    async with asyncio.timeout(60):
        while True:
            with suppress(CacheUnavailableError):
                return await load.container.counter_reader.read_snapshot()
            await asyncio.sleep(0.05)


async def replaced(cluster: ValkeyCluster) -> None:
    """Let the spare be the replica of what was the killed master's, as an operator would."""
    await asyncio.to_thread(cluster.replicate, cluster.nodes[6], cluster.nodes[4])


async def test_a_master_that_is_killed_fails_no_request_and_its_replica_undoes_no_change(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, "shared.cache")
    with valkey_cluster(replicas=1, spares=1, cluster_node_timeout=500) as cluster:
        async with loaded(cluster, replicas=1, slowest=A_FLIGHT) as load:
            async with load.going_on():
                await asyncio.sleep(1)
                os.kill(cluster.nodes[1].pid, signal.SIGKILL)
                await asyncio.sleep(1)
                await cached_again(load, USERS)
            assert (await figures(load)).total.exact_hits, "its successor tells"
            await replaced(cluster)
            async with asyncio.timeout(30):
                await asyncio.gather(*map(load.change, USERS))
            await asyncio.gather(*(load.ask(user, ASKED) for user in USERS))
    told = [record.message for record in caplog.records]
    assert told.count("the cache is unavailable") <= 2 * 4, "one a server and connection"


async def test_a_change_that_only_the_killed_master_knew_was_not_acknowledged() -> None:
    """Without that, its replica would go on with the answer from before."""
    with valkey_cluster(replicas=1, spares=1, cluster_node_timeout=500) as cluster:
        async with loaded(cluster, replicas=1, slowest=A_FLIGHT) as load:
            user = of_node(1)[0]
            await cached_again(load, [user])
            _, master, _, _, replica, *_ = cluster.nodes
            os.kill(replica.pid, signal.SIGSTOP)
            send_command(
                master.port, "CLIENT KILL TYPE replica"
            )  # nothing waits for it in a socket
            try:
                with pytest.raises(CacheUnavailableError, match="0 of 1 replicas"):
                    await load.container.freshness.note_changed(
                        written(user, "note", "Edition 2 speaks of faith.")
                    )
                os.kill(master.pid, signal.SIGKILL)
            finally:
                os.kill(replica.pid, signal.SIGCONT)
            await cached_again(load, [user])
            reply = await ask(load.container, user, ASKED)
            assert reply.answer
            assert "Edition 1" in reply.answer.text, "the replica never heard of the change"
            await replaced(cluster)
            async with asyncio.timeout(30):
                await load.change(user)
            await load.ask(user, ASKED)


@pytest.mark.parametrize("full_coverage", ["no", "yes"])
async def test_a_node_that_is_lost_for_good_costs_its_users_their_cache_and_nobody_an_answer(
    full_coverage: str,
) -> None:
    with valkey_cluster(
        cluster_node_timeout=500, cluster_require_full_coverage=full_coverage
    ) as cluster:
        lost = USERS if full_coverage == "yes" else of_node(1)
        async with loaded(cluster) as load:
            async with load.going_on():
                await until(lambda: {served.user for served in load.served} == set(USERS))
                os.kill(cluster.nodes[1].pid, signal.SIGKILL)
                # Until the node time-out is over, the others do not know that it is gone.
                await until(lambda: _settled(load, lost))
            # Nobody else asks now, and a busy machine slows down whoever asks first, at most.
            for user in USERS:
                caches = [(await ask(load.container, user, ASKED)).cache for _ in range(3)]
                assert ("ok" in caches) is (user not in lost)
            # Counters of every partition make one figure: told in part it would be a wrong one.
            with pytest.raises(CacheUnavailableError):
                await load.container.counter_reader.read_snapshot()


def _settled(load: Load, lost: Collection[str]) -> bool:
    """Whether what each user was served last is what the loss of a node makes of it."""
    last = {served.user: served.cache for served in load.served}
    return all(last[user] == ("unavailable" if user in lost else "ok") for user in USERS)


@pytest.mark.parametrize("move", [migrate_key_by_key, migrate_atomically])
async def test_slots_that_move_take_nothing_stale_with_them(
    move: Callable[[ValkeyProcess, ValkeyProcess, Iterable[int]], None],
) -> None:
    with valkey_cluster() as cluster:
        async with loaded(cluster) as load, load.going_on():
            await asyncio.sleep(0.5)
            slots = sorted(set(map(slot_of, of_node(0))))
            await asyncio.to_thread(move, cluster.nodes[0], cluster.nodes[1], slots)
            await cached_again(load, USERS)


async def test_statistics_are_told_or_refused_while_slots_move_and_never_wrong() -> None:
    """In both ways, there and back; nobody asks meanwhile, so what is told is always the same."""
    with valkey_cluster() as cluster:
        async with loaded(cluster) as load:
            await cached_again(load, USERS)
            await asyncio.gather(*(load.ask(user, ASKED) for user in USERS))
            await load.container.aclose()  # which counts what it has not told yet
            expected = await figures(load)
            assert expected.total.exact_hits >= len(USERS)
            readings: list[StatsSnapshot | None] = []

            async def read_on() -> None:
                while True:
                    try:
                        readings.append(await load.container.counter_reader.read_snapshot())
                    except CacheUnavailableError:
                        readings.append(None)

            reading = asyncio.create_task(read_on())
            slots = sorted(set(map(slot_of, of_node(0))))
            source, target, _ = cluster.nodes
            for move in (migrate_key_by_key, migrate_atomically) * 2:
                await asyncio.to_thread(move, source, target, slots)
                source, target = target, source
            await until(lambda: readings[-1])
            reading.cancel()
    known = [reading for reading in readings if reading]
    assert len(known) > 10
    assert all((each.total, each.entries) == (expected.total, expected.entries) for each in known)
