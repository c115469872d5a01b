"""What a load test says of itself: metrics that are there, and whether it proves anything."""

from typing import Any

import pytest

from shared.cache.stats_snapshot import EntryCounts, PeriodStats, StatsSnapshot
from tests.load.metrics import failure, load_metrics
from tests.load.processes import Memory

TOLD = StatsSnapshot(
    PeriodStats({"l1_hits": 5, "l1_misses": 5}), {}, EntryCounts(0, 0, 0), 1_000_000, None
)


@pytest.fixture
def memory() -> Memory:
    made = Memory([])
    made.samples = [100.0] * 10
    return made


def served(outcome: str, number: int) -> list[dict[str, Any]]:
    return [{"outcome": outcome, "ms": 10.0 + n, "cache": "ok", "at": 0.0} for n in range(number)]


def test_a_way_that_hardly_anybody_was_served_in_is_there_without_a_value(memory: Memory) -> None:
    found = load_metrics(served("exact", 9) + served("miss", 1), TOLD, memory, 60)
    assert found["load_exact_p95_ms"].value
    assert found["load_miss_p50_ms"].value is None
    assert found["load_miss_p50_ms"].unit == "ms; 1 served so, which is too few"
    assert found["load_semantic_p99_ms"].unit == "ms; 0 served so, which is too few"


def test_answers_avoided_and_any_tier_have_their_floor(memory: Memory) -> None:
    found = load_metrics(served("exact", 9), TOLD, memory, 60)
    for name in ("load_answers_avoided", "load_any_tier"):
        assert (found[name].value, found[name].budget, found[name].missed) == (0.5, 0.6, True)


def test_a_run_that_broke_off_or_was_not_answered_proves_nothing() -> None:
    whole = served("exact", 9)
    assert failure(0, whole) == ""
    assert failure(2, whole) == "locust ended with 2"
    assert failure(0, []) == "nothing was asked"
    assert failure(1, [*whole, *served("failed", 1)]) == "1 of 10 questions failed"
