"""Failover of a cluster: a master is killed under continuous load.

A replica is promoted after the cluster's node time-out, here 1 s: most of the time for which the
cache is `unavailable`.
"""

import asyncio
import os
import signal
import time
from collections.abc import Mapping

from tests.benchmarks.report import Metric
from tests.support.fakes import create_container
from tests.support.load import Load
from tests.support.resharding import slot_of
from tests.support.servers import valkey_cluster

ROUNDS = 3
NODE_TIMEOUT_MS = 1_000
_BEFORE, _AFTER = 1.0, 6.0  # seconds
_USERS = [f"user {number}" for number in range(24)]
_AFFECTED = [user for user in _USERS if slot_of(user) * 3 // 16_384 == 1]
"""Users whose slots the killed master has."""


async def collect_metrics() -> Mapping[str, Metric]:
    """Kill a master in each of several clusters."""
    rounds = [await _failover() for _ in range(ROUNDS)]
    loads = [load for load, _ in rounds]
    blips = [_blip(load, killed) for load, killed in rounds]
    ended = [blip for blip in blips if blip is not None]
    slowest = max((each.seconds for load in loads for each in load.served), default=0.0)
    asked = sum(len(load.served) + len(load.errors) for load in loads)
    print(f"{asked:,} questions, {sum(load.changes for load in loads):,} changes acknowledged")
    return {
        "failover_failed": _count(sum(len(load.errors) for load in loads)),
        "failover_stale": _count(sum(len(load.stale) for load in loads)),
        "failover_blip_ms": Metric(
            unit=f"ms, the worst of {len(ended)}", value=1e3 * max(ended) if ended else None
        ),
        "failover_never_ended": Metric(
            unit=f"of {ROUNDS} failovers", value=ROUNDS - len(ended), budget=0
        ),
        "failover_slowest_ms": Metric(unit="ms", value=1e3 * slowest),
    }


def _blip(load: Load, killed: float) -> float | None:
    """Seconds until the cache is available again for the affected users; None if it never was."""
    again = (
        served.started - killed
        for served in load.served
        if served.started > killed and served.user in _AFFECTED and served.cache == "ok"
    )
    return min(again, default=None)


def _count(number: int) -> Metric:
    return Metric(unit="requests", value=number, budget=0)


async def _failover() -> tuple[Load, float]:
    """Return the load, and the time when the master was killed."""
    with valkey_cluster(
        replicas=1,
        cluster_node_timeout=NODE_TIMEOUT_MS,
        cluster_require_full_coverage="no",
    ) as cluster:
        container = create_container(cluster.url, redis_cluster=True, redis_replicas=1)
        load = Load(container, _USERS)
        await asyncio.gather(*map(load.change, _USERS))
        async with load.running():
            await asyncio.sleep(_BEFORE)
            killed = time.monotonic()
            os.kill(cluster.nodes[1].pid, signal.SIGKILL)
            await asyncio.sleep(_AFTER)
        await container.aclose()
    return load, killed
