"""What a failing Redis adds to an answer: to the first, and to those after it.

Models and note store take no time, so that nothing hides it; what the same question takes with
the cache switched off is subtracted.
"""

import time
from collections.abc import Mapping
from statistics import median, quantiles

from infra.local.valkey import start_valkey
from shared.assistant import Request
from shared.container import Container
from tests.benchmarks.report import Figure
from tests.support.faulty_proxy import FaultyProxy
from tests.support.outages import a_container
from tests.support.troubles import TROUBLES, Redis

ROUNDS = 5
_AFTER_SECONDS = 2.5  # long enough for a probe
_REQUEST = Request("ann", "What is faith?")


async def figures() -> Mapping[str, Figure]:
    """Let each trouble befall a server that is in use."""
    without = a_container("redis://127.0.0.1:1/0", cache_enabled=False)
    bare = median([await _milliseconds(without) for _ in range(100)])
    found: dict[str, Figure] = {}
    for name in TROUBLES:
        firsts, afters = [], []
        for _ in range(ROUNDS):
            first, after = await _troubled(name)
            firsts.append(first - bare)
            afters.append(after - bare)
        found[f"redis_{name}_first_ms"] = Figure(unit="ms", value=max(firsts), budget=100.0)
        found[f"redis_{name}_after_ms"] = Figure(unit="ms", value=median(afters), budget=5.0)
    return found


async def _troubled(name: str) -> tuple[float, float]:
    """Milliseconds of the first question asked in a trouble, and of 99 in 100 after it."""
    server = start_valkey()
    with FaultyProxy(server.port) as proxy:
        redis = Redis(server, proxy)
        container = a_container(redis.url)
        for _ in range(3):
            await container.assistant.ask(_REQUEST)
        TROUBLES[name](redis)
        first = await _milliseconds(container)
        end = time.monotonic() + _AFTER_SECONDS
        after = []
        while time.monotonic() < end:
            after.append(await _milliseconds(container))
        await container.aclose()
        redis.heal()
        redis.server.stop()
    return first, quantiles(after, n=100)[-1]


async def _milliseconds(container: Container) -> float:
    began = time.perf_counter()
    await container.assistant.ask(_REQUEST)
    return (time.perf_counter() - began) * 1e3
