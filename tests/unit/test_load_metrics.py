"""Metrics of a load test, and the check that its run is valid."""

from typing import Any

import pytest

from shared.cache.stats_snapshot import EntryCounts, PeriodStats, StatsSnapshot
from tests.load.metrics import failure, load_metrics
from tests.load.processes import MemorySampler

SNAPSHOT = StatsSnapshot(
    PeriodStats({"l1_hits": 5, "l1_misses": 5}), {}, EntryCounts(0, 0, 0), 1_000_000, None
)


@pytest.fixture
def memory() -> MemorySampler:
    made = MemorySampler([])
    made.samples = [100.0] * 10
    return made


def served(outcome: str, number: int) -> list[dict[str, Any]]:
    return [{"outcome": outcome, "ms": 10.0 + n, "cache": "ok", "at": 0.0} for n in range(number)]


def test_percentiles_of_too_few_responses_have_no_value(memory: MemorySampler) -> None:
    metrics = load_metrics(served("exact", 9) + served("miss", 1), SNAPSHOT, memory, 60)
    assert metrics["load_exact_p95_ms"].value
    assert metrics["load_miss_p50_ms"].value is None
    assert metrics["load_miss_p50_ms"].unit == "ms; only 1 responses"
    assert metrics["load_semantic_p99_ms"].unit == "ms; only 0 responses"


def test_answers_avoided_and_any_tier_have_a_minimum(memory: MemorySampler) -> None:
    metrics = load_metrics(served("exact", 9), SNAPSHOT, memory, 60)
    for name in ("load_answers_avoided", "load_any_tier"):
        assert (metrics[name].value, metrics[name].budget, metrics[name].missed) == (0.5, 0.6, True)


def test_a_run_without_responses_or_with_failures_is_invalid() -> None:
    whole = served("exact", 9)
    assert failure(0, whole) == ""
    assert failure(2, whole) == "locust exited with 2"
    assert failure(0, []) == "no question was sent"
    assert failure(1, [*whole, *served("failed", 1)]) == "1 of 10 questions failed"
