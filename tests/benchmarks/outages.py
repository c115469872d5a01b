"""What a failing Redis adds to an answer: to the first, and to those after it.

Models and note store take no time, so that nothing hides it; what the same question takes with
the cache switched off is subtracted. Also, how long it takes until a note change is refused or
done, and until statistics are refused or told, by a container that has not yet met the trouble.
"""

import time
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from statistics import median, quantiles
from typing import Any

from infra.local.valkey import start_valkey
from shared import statistics
from shared.assistant import Request
from shared.container import Container
from shared.errors import CacheUnavailableError
from tests.benchmarks.report import Figure
from tests.support.faulty_proxy import FaultyProxy
from tests.support.main_job import written
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
        firsts, afters, changes, stats = zip(
            *[await _troubled(name) for _ in range(ROUNDS)], strict=True
        )
        for what, value, budget in (
            ("first", max(firsts) - bare, 100.0),
            ("after", median(afters) - bare, 5.0),
            ("change", max(changes), None),
            ("stats", max(stats), None),
        ):
            found[f"redis_{name}_{what}_ms"] = Figure(unit="ms", value=value, budget=budget)
    return found


async def _troubled(name: str) -> tuple[float, float, float, float]:
    """Milliseconds of the first question asked in a trouble, of 99 in 100 after it, and so on."""
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
        change = await _refused(container.freshness.note_changed(written("ann", "note", "Hope.")))
        await container.aclose()
        telling = a_container(redis.url)
        stats = await _refused(statistics.read(telling.ledger))
        await telling.aclose()
        redis.heal()
        redis.server.stop()
    return first, quantiles(after, n=100)[-1], change, stats


async def _milliseconds(container: Container) -> float:
    began = time.perf_counter()
    await container.assistant.ask(_REQUEST)
    return (time.perf_counter() - began) * 1e3


async def _refused(work: Awaitable[Any]) -> float:
    """Milliseconds until it was done, or was not."""
    began = time.perf_counter()
    with suppress(CacheUnavailableError):
        await work
    return (time.perf_counter() - began) * 1e3
