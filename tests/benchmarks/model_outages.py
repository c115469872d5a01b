"""What questions, note changes and statistics take while a model of Hugging Face is left alone.

Each is the worst over all kinds of failing, of the median of ten. Each kind fails until the
breaker opens, as in `tests/faults`; over a real socket, a real Valkey and a store in SQLite.
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
from tests.support.asking import Surroundings
from tests.support.main_job import ask, written
from tests.support.model_outage import (
    ASKED,
    CHAT,
    EMBED,
    FAULTS,
    fail_until_open,
    fake_models_and_redis,
    open_container,
    write_all_notes,
)

_TIMES = 10
_UNITS = {"quotation": "given", "refusal": "503", "change": "done or refused", "stats": "told"}


async def collect_metrics() -> Mapping[str, Metric]:
    """Let each model fail in each way."""
    found: defaultdict[str, list[float]] = defaultdict(list)
    logging.disable()  # each refusal would be told
    for fault in FAULTS:
        with tempfile.TemporaryDirectory() as folder, fake_models_and_redis(Path(folder)) as around:
            await write_all_notes(around)
            for name, value in (await _quoting(around, fault)).items():
                found[f"model_left_alone_{name}"].append(value)
        with tempfile.TemporaryDirectory() as folder, fake_models_and_redis(Path(folder)) as around:
            await write_all_notes(around)
            for name, value in (await _unembedded(around, fault)).items():
                found[f"embedding_left_alone_{name}"].append(value)
    logging.disable(logging.NOTSET)
    return {
        f"{name}_ms": Metric(unit=f"ms, {_UNITS[name.rpartition('_')[2]]}", value=max(values))
        for name, values in found.items()
    }


async def _quoting(around: Surroundings, fault: str) -> dict[str, float]:
    container = open_container(around, fault)
    around.models.failing[CHAT] = FAULTS[fault]
    await fail_until_open(container)
    change = written("ann", "more", "Hope is an anchor.")
    found = {
        "quotation": await _median(lambda: ask(container, "ann", ASKED)),
        "change": await _median(lambda: container.freshness.note_changed(change)),
        "stats": await _median(container.counter_reader.read_snapshot),
    }
    await container.aclose()
    return found


async def _unembedded(around: Surroundings, fault: str) -> dict[str, float]:
    container = open_container(around, fault)
    around.models.failing[EMBED] = FAULTS[fault]
    await fail_until_open(container, container.circuit_breakers.embeddings)
    change = written("ann", "more", "Hope is an anchor.")
    found = {
        "refusal": await _median(lambda: ask(container, "ann", "What is grace?")),
        "change": await _median(lambda: container.freshness.note_changed(change)),
        "stats": await _median(container.counter_reader.read_snapshot),
    }
    await container.aclose()
    return found


async def _median(work: Callable[[], Awaitable[Any]]) -> float:
    """Milliseconds until it was done, or was refused."""
    times = []
    for _ in range(_TIMES):
        began = time.perf_counter()
        with suppress(UnavailableError):
            await work()
        times.append((time.perf_counter() - began) * 1e3)
    return median(times)
