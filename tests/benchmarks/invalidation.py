"""Latency of a note change for a user with 20 questions in a large cache."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from functions.invalidate.handler import QueueHandler
from shared.notes.messages.note_changed import NoteChanged
from shared.notes.note import Chunk, Note
from shared.vectors import canonical
from tests.benchmarks.misses import instant_container
from tests.benchmarks.report import Metric
from tests.benchmarks.timing import Stopwatch
from tests.benchmarks.workload import DIMENSIONS, QUESTIONS_PER_USER, WorkloadItem, short_workload
from tests.support.memory_note_store import MemoryNoteStore

if TYPE_CHECKING:
    from shared.container import Container
    from tests.benchmarks.large_caches import LargeCache

METRICS = {
    "invalidate_ms_100k": Metric(unit="ms", budget=10.0),
    "invalidate_ms_1m": Metric(unit="ms", budget=10.0),
    "invalidate_batch_10": Metric(unit="ms"),
}
_SINGLE, _BATCHES, _BATCH = 30, 10, 10
_NAIVE_TIMEOUT = 120  # seconds for one invalidation
_SCANS = {"100k": 3, "1m": 1}
_CHUNKS = 3


async def measure(large_cache: "LargeCache") -> Mapping[str, Metric]:
    """Measure single changes in both designs, and batches of ten."""
    items = short_workload((_SINGLE + _BATCHES * _BATCH) * QUESTIONS_PER_USER)
    await large_cache.add(items)
    store = MemoryNoteStore()
    edits = await _edit(store, items)
    name = f"invalidate_ms_{large_cache.size}"
    metrics = {name: await _single(large_cache, store, edits, METRICS[name])}
    if large_cache.size == "100k":
        batches = METRICS["invalidate_batch_10"]
        metrics["invalidate_batch_10"] = batches.with_value(
            await _batches(large_cache, store, edits)
        )
    return metrics


async def _single(
    large_cache: "LargeCache", store: MemoryNoteStore, edits: Iterator[NoteChanged], metric: Metric
) -> Metric:
    container = _container(large_cache, store)
    scans, watch = _SCANS[large_cache.size], Stopwatch()
    try:
        for number in range(scans):
            for change in islice(edits, _SINGLE // scans):
                with watch.timing("ours"):
                    outcome = await container.freshness.note_changed(change)
                if not outcome.dropped or outcome.dropped + outcome.retained != QUESTIONS_PER_USER:
                    raise RuntimeError(f"unexpected outcome of a note change: {outcome}")
            async with asyncio.timeout(_NAIVE_TIMEOUT):
                with watch.timing("naive"):
                    await large_cache.naive.invalidate(str(number))
    except TimeoutError:
        print(f"naive design: no result within {_NAIVE_TIMEOUT} s for {large_cache.size} entries")
    await container.aclose()
    ours, naive = watch.median("ours") or 0.0, watch.median("naive")
    return metric.with_value(ours * 1e3, naive and naive * 1e3)


async def _batches(
    large_cache: "LargeCache", store: MemoryNoteStore, edits: Iterator[NoteChanged]
) -> float:
    """Return the milliseconds per batch in the queue handler, which has its own event loop."""
    handler, watch = QueueHandler(lambda: _container(large_cache, store)), Stopwatch()
    context: Any = SimpleNamespace(aws_request_id="1", get_remaining_time_in_millis=lambda: 30_000)

    def handle() -> None:
        for _ in range(_BATCHES):
            event = {"Records": [_record(change) for change in islice(edits, _BATCH)]}
            with watch.timing("batch"):
                failed = handler(event, context)["batchItemFailures"]
            if failed:
                raise RuntimeError(f"messages failed: {failed}")

    await asyncio.to_thread(handle)
    return (watch.median("batch") or 0.0) * 1e3


async def _edit(store: MemoryNoteStore, items: list[WorkloadItem]) -> Iterator[NoteChanged]:
    """Edit one source note of the first question of each user; return the change messages."""
    generator = np.random.default_rng(2)
    changes = []
    for first in items[::QUESTIONS_PER_USER]:
        note_id = first.sources[0].note_id
        note = Note(first.user_id, note_id, "", "the new text", version=2, changed_at=2)
        vectors = map(canonical, generator.standard_normal((_CHUNKS, DIMENSIONS)))
        chunks = [
            Chunk(f"{note_id}#{place}", note_id, "the new text", vector)
            for place, vector in enumerate(vectors)
        ]
        await store.replace_note(note, chunks)
        changes.append(
            NoteChanged.model_validate(
                {
                    "user_id": first.user_id,
                    "note_id": note_id,
                    "operation": "updated",
                    "occurred_at": datetime.now(UTC),
                }
            )
        )
    return iter(changes)


def _container(large_cache: "LargeCache", store: MemoryNoteStore) -> "Container":
    container = instant_container(large_cache.settings, short_workload(1)[0])
    container.override(store=store)
    return container


def _record(change: NoteChanged) -> dict[str, Any]:
    body = json.dumps(change.model_dump(mode="json"))
    return {"messageId": change.user_id, "body": body, "eventSource": "aws:sqs"}
