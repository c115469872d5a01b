"""What a failing Redis adds to an answer: to the first, and to those after it.

Models and note store take no time, so that nothing hides it; what the same question takes with
the cache switched off is subtracted. Also, how long it takes until a note change is refused or
done, and until statistics are refused or told, by a container that has not yet met the trouble.

Containers that begin while Redis is away are measured, too: there is none, or it says nothing.
Their first question has its connection to open besides, as has the one that it is compared with.
"""

import time
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from statistics import median, quantiles
from typing import Any

from infra.local.valkey import free_port, start_valkey
from shared.container import Container
from shared.errors import CacheUnavailableError
from shared.question import Request
from tests.benchmarks.report import Metric
from tests.support.fakes import create_container
from tests.support.faulty_proxy import FaultyProxy
from tests.support.main_job import written
from tests.support.redis_faults import REDIS_FAULTS, FaultyRedis

ROUNDS = 5
_AFTER_SECONDS = 2.5  # long enough for a probe
_REQUEST = Request("ann", "What is faith?")


async def collect_metrics() -> Mapping[str, Metric]:
    """Let each trouble befall a server that is in use."""
    without = create_container("redis://127.0.0.1:1/0", cache_enabled=False)
    bare = median([await _milliseconds(without) for _ in range(100)])
    found: dict[str, Metric] = {}
    for name in REDIS_FAULTS:
        firsts, afters, changes, stats = zip(
            *[await _troubled(name) for _ in range(ROUNDS)], strict=True
        )
        for what, value, budget in (
            ("first", max(firsts) - bare, 100.0),
            ("after", median(afters) - bare, 5.0),
            ("change", max(changes), None),
            ("stats", max(stats), None),
        ):
            found[f"redis_{name}_{what}_ms"] = Metric(unit="ms", value=value, budget=budget)
    return found | await _cold()


async def _cold() -> dict[str, Metric]:
    """What Redis costs a container that has never met it."""
    bare = [await _begun("redis://127.0.0.1:1/0", cache_enabled=False) for _ in range(ROUNDS)]
    bare_first, bare_after = map(median, zip(*bare, strict=True))
    found: dict[str, Metric] = {}
    with start_valkey() as server, FaultyProxy(server.port) as proxy:
        proxy.mute = True
        for name, url in (
            ("absent_at_start", f"redis://127.0.0.1:{free_port()}/0"),
            ("mute_at_start", proxy.url),
        ):
            begun = [await _begun(url) for _ in range(ROUNDS)]
            firsts, afters = zip(*begun, strict=True)
            for what, value, budget in (
                ("first", max(firsts) - bare_first, 100.0),
                ("after", median(afters) - bare_after, 5.0),
            ):
                found[f"redis_{name}_{what}_ms"] = Metric(unit="ms", value=value, budget=budget)
    return found


async def _begun(url: str, **settings: Any) -> tuple[float, float]:
    """Milliseconds of a new container's first question, and of 99 in 100 after it."""
    container = create_container(url, **settings)
    first = await _milliseconds(container)
    after = await _afterwards(container)
    await container.aclose()
    return first, after


async def _afterwards(container: Container) -> float:
    """Milliseconds of 99 in 100 questions asked in the next seconds."""
    end = time.monotonic() + _AFTER_SECONDS
    after = []
    while time.monotonic() < end:
        after.append(await _milliseconds(container))
    return quantiles(after, n=100)[-1]


async def _troubled(name: str) -> tuple[float, float, float, float]:
    """Milliseconds of the first question asked in a trouble, of 99 in 100 after it, and so on."""
    server = start_valkey()
    with FaultyProxy(server.port) as proxy:
        redis = FaultyRedis(server, proxy)
        container = create_container(redis.url)
        for _ in range(3):
            await container.assistant.ask(_REQUEST)
        REDIS_FAULTS[name](redis)
        first = await _milliseconds(container)
        after = await _afterwards(container)
        change = await _refused(container.freshness.note_changed(written("ann", "note", "Hope.")))
        await container.aclose()
        telling = create_container(redis.url)
        stats = await _refused(telling.counter_reader.read_snapshot())
        await telling.aclose()
        redis.recover()
        redis.server.stop()
    return first, after, change, stats


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
