"""Latency that a failing Redis adds to answers, for each fault: the first one, and later ones.

Models and note store are instant fakes. The latency of the same question with the cache disabled
is subtracted. Also measured: the time until a note change is applied or refused, and until
statistics are returned or refused by a new container.

New containers are measured with an absent and a mute Redis. Their first question also imports
modules and opens connections, as does the baseline's.
"""

import time
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from statistics import median, quantiles
from typing import Any

from infra.local.valkey import start_valkey
from shared.container import Container
from shared.errors import CacheUnavailableError
from shared.question import Request
from tests.benchmarks.report import Metric
from tests.support.fakes import create_container
from tests.support.faulty_proxy import FaultyProxy
from tests.support.full_stack import updated
from tests.support.redis_faults import REDIS_FAULTS, FaultyRedis

ROUNDS = 5
_AFTER_SECONDS = 2.5  # long enough for a probe
_REQUEST = Request("ann", "What is faith?")


async def collect_metrics() -> Mapping[str, Metric]:
    """Inject each fault into a server in use."""
    uncached = create_container("redis://127.0.0.1:1/0", cache_enabled=False)
    bare = median([await _milliseconds(uncached) for _ in range(100)])
    metrics: dict[str, Metric] = {}
    for name in REDIS_FAULTS:
        firsts, afters, changes, stats = zip(
            *[await _measure_fault(name) for _ in range(ROUNDS)], strict=True
        )
        for what, value, budget in (
            ("first", max(firsts) - bare, 100.0),
            ("after", median(afters) - bare, 5.0),
            ("change", max(changes), None),
            ("stats", max(stats), None),
        ):
            metrics[f"redis_{name}_{what}_ms"] = Metric(unit="ms", value=value, budget=budget)
    return metrics | await _measure_new_containers()


async def _measure_new_containers() -> dict[str, Metric]:
    """Latency that an absent or mute Redis adds in a new container."""
    bare = [
        await _measure_new_container("redis://127.0.0.1:1/0", cache_enabled=False)
        for _ in range(ROUNDS)
    ]
    bare_first, bare_after = map(median, zip(*bare, strict=True))
    metrics: dict[str, Metric] = {}
    with start_valkey() as server, FaultyProxy(server.port) as proxy:
        proxy.mute = True
        for name, url in (
            ("absent_at_start", "redis://127.0.0.1:1/0"),
            ("mute_at_start", proxy.url),
        ):
            measured = [await _measure_new_container(url) for _ in range(ROUNDS)]
            firsts, afters = zip(*measured, strict=True)
            for what, value, budget in (
                ("first", max(firsts) - bare_first, 100.0),
                ("after", median(afters) - bare_after, 5.0),
            ):
                metrics[f"redis_{name}_{what}_ms"] = Metric(unit="ms", value=value, budget=budget)
    return metrics


async def _measure_new_container(url: str, **settings: Any) -> tuple[float, float]:
    """Milliseconds of a new container's first question, and the p99 of later ones."""
    container = create_container(url, **settings)
    first = await _milliseconds(container)
    after = await _p99_of_later_questions(container)
    await container.aclose()
    return first, after


async def _p99_of_later_questions(container: Container) -> float:
    """The p99 in milliseconds of the questions of the next seconds."""
    end = time.monotonic() + _AFTER_SECONDS
    after = []
    while time.monotonic() < end:
        after.append(await _milliseconds(container))
    return quantiles(after, n=100)[-1]


async def _measure_fault(name: str) -> tuple[float, float, float, float]:
    """Milliseconds of the first question, the p99 of later ones, a note change and statistics."""
    server = start_valkey()
    with FaultyProxy(server.port) as proxy:
        redis = FaultyRedis(server, proxy)
        container = create_container(redis.url)
        for _ in range(3):
            await container.assistant.ask(_REQUEST)
        REDIS_FAULTS[name](redis)
        first = await _milliseconds(container)
        after = await _p99_of_later_questions(container)
        change = await _refused(container.freshness.note_changed(updated("ann", "note", "Hope.")))
        await container.aclose()
        reader = create_container(redis.url)
        stats = await _refused(reader.counter_reader.read_snapshot())
        await reader.aclose()
        redis.recover()
        redis.server.stop()
    return first, after, change, stats


async def _milliseconds(container: Container) -> float:
    began = time.perf_counter()
    await container.assistant.ask(_REQUEST)
    return (time.perf_counter() - began) * 1e3


async def _refused(work: Awaitable[Any]) -> float:
    """Milliseconds until it succeeded or the cache was unavailable."""
    began = time.perf_counter()
    with suppress(CacheUnavailableError):
        await work
    return (time.perf_counter() - began) * 1e3
