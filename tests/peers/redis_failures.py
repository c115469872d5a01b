"""What a question gets, and when, after Redis has stopped."""

import time
from threading import Timer

from tests.benchmarks.report import Metric
from tests.benchmarks.workload import workload
from tests.peers.costs import backend_of
from tests.peers.peer import Backend, Peer
from tests.peers.registry import installed_peers, start_server
from tests.support.faulty_proxy import FaultyProxy
from tests.support.redis_faults import REDIS_FAULTS, FaultyRedis

FAULTS = ("killed", "frozen")
LIMIT_SECONDS = 30.0
"""Redis recovers after that time."""


async def measure_failures() -> dict[str, Metric]:
    """Ask the first question after each fault, with the default time-outs of each peer."""
    items = workload(1)
    backend = await backend_of(items)
    measured: dict[str, Metric] = {}
    redis_peers = {name: kind for name, kind in installed_peers().items() if kind.uses_redis}
    for name, kind in redis_peers.items():
        for fault in FAULTS:
            print(f"  {name}: {fault}", flush=True)
            metric = await ask_during(fault, kind, backend, items[0].question)
            measured[f"{name}_redis_{fault}_s"] = metric
    return measured


async def ask_during(fault: str, kind: type[Peer], backend: Backend, question: str) -> Metric:
    """Ask a cached question during a fault; the unit states what the caller got."""
    server = start_server(kind)
    with FaultyProxy(server.port) as proxy:
        redis = FaultyRedis(server, proxy)
        peer = kind(redis.url, backend, patient=False)
        for _ in range(3):
            await peer.ask("ann", question)
        REDIS_FAULTS[fault](redis)
        recovery = Timer(LIMIT_SECONDS, redis.recover)
        recovery.start()
        began = time.perf_counter()
        try:
            await peer.ask("ann", question)
            result = "an answer"
        except Exception as error:  # the type of the error is the measurement
            result = type(error).__name__
        seconds = time.perf_counter() - began
        recovery.cancel()
        redis.recover()
        await peer.aclose()
        redis.server.stop()
    if seconds >= LIMIT_SECONDS:
        result = "nothing: Redis recovered after 30 s"
    return Metric(unit=f"s until {result}", value=seconds)
