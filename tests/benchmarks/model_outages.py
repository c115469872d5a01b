"""Durations of questions, note changes and statistics while a circuit breaker is open.

Each metric is the maximum over all faults of the median of ten. The models are behind a real
socket; Valkey and the SQLite store are real.
"""

import logging
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

from shared.errors import UnavailableError
from tests.benchmarks.report import Metric
from tests.support.full_stack import ask, updated
from tests.support.local_environment import LocalEnvironment
from tests.support.model_outage import (
    CHAT,
    EMBED,
    FAULTS,
    QUESTION,
    fail_until_open,
    fake_models_and_redis,
    open_container,
    write_all_notes,
)

_REPETITIONS = 10
_UNITS = {
    "extractive": "answered",
    "refusal": "503",
    "change": "done or refused",
    "stats": "returned",
}


async def collect_metrics() -> Mapping[str, Metric]:
    """Measure with each fault of each model."""
    found: defaultdict[str, list[float]] = defaultdict(list)
    logging.disable()  # each refusal would be logged
    for fault in FAULTS:
        with tempfile.TemporaryDirectory() as folder, fake_models_and_redis(Path(folder)) as local:
            await write_all_notes(local)
            for name, value in (await _measure_chat_outage(local, fault)).items():
                found[f"chat_outage_{name}"].append(value)
        with tempfile.TemporaryDirectory() as folder, fake_models_and_redis(Path(folder)) as local:
            await write_all_notes(local)
            for name, value in (await _measure_embedding_outage(local, fault)).items():
                found[f"embedding_outage_{name}"].append(value)
    logging.disable(logging.NOTSET)
    return {
        f"{name}_ms": Metric(unit=f"ms, {_UNITS[name.rpartition('_')[2]]}", value=max(values))
        for name, values in found.items()
    }


async def _measure_chat_outage(local: LocalEnvironment, fault: str) -> dict[str, float]:
    container = open_container(local, fault)
    local.models.failing[CHAT] = FAULTS[fault]
    await fail_until_open(container)
    change = updated("ann", "more", "Hope is an anchor.")
    found = {
        "extractive": await _measure(lambda: ask(container, "ann", QUESTION)),
        "change": await _measure(lambda: container.freshness.note_changed(change)),
        "stats": await _measure(container.counter_reader.read_snapshot),
    }
    await container.aclose()
    return found


async def _measure_embedding_outage(local: LocalEnvironment, fault: str) -> dict[str, float]:
    container = open_container(local, fault)
    local.models.failing[EMBED] = FAULTS[fault]
    await fail_until_open(container, container.circuit_breakers.embeddings)
    change = updated("ann", "more", "Hope is an anchor.")
    found = {
        "refusal": await _measure(lambda: ask(container, "ann", "What is grace?")),
        "change": await _measure(lambda: container.freshness.note_changed(change)),
        "stats": await _measure(container.counter_reader.read_snapshot),
    }
    await container.aclose()
    return found


async def _measure(work: Callable[[], Awaitable[Any]]) -> float:
    """Return the median milliseconds until the work succeeded or was refused."""
    times = []
    for _ in range(_REPETITIONS):
        began = time.perf_counter()
        with suppress(UnavailableError):
            await work()
        times.append((time.perf_counter() - began) * 1e3)
    return median(times)
