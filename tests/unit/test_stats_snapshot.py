"""Statistics derived from counters."""

from datetime import date

import pytest

from functions.stats.serializers import day_record
from shared.cache.counters import latency_counters
from shared.cache.stats_snapshot import LatencyHistogram, PeriodStats


def histogram(*milliseconds: float) -> LatencyHistogram:
    counts: dict[str, int] = {}
    for each in milliseconds:
        for name, number in latency_counters("exact", each / 1e3).items():
            counts[name] = counts.get(name, 0) + number
    return PeriodStats(counts).latency("exact")


def test_latency_counts_in_the_first_bucket_that_contains_it() -> None:
    assert histogram(0, 1).buckets[0] == 2
    assert histogram(1.01, 2).buckets[1] == 2
    assert histogram(22_000).buckets[-4:] == (1, 0, 0, 0)
    assert histogram(120_000).buckets[-2:] == (1, 0)
    assert histogram(120_001, 1e9).buckets[-1] == 2


def test_mean_latency_is_exact() -> None:
    assert histogram(1.5, 2.5, 11).mean_ms == pytest.approx(5)


@pytest.mark.parametrize(
    ("times", "share", "expected"),
    [([3], 1.0, 5.0), ([3] * 10, 0.5, 3.5), ([3] * 9 + [300], 0.95, 350.0), ([1e6], 0.5, 120_000)],
)
def test_percentile_is_interpolated_within_its_bucket(
    times: list[float], share: float, expected: float
) -> None:
    assert histogram(*times).percentile_ms(share) == pytest.approx(expected)


def test_histogram_without_requests_has_no_mean_and_no_percentile() -> None:
    assert (histogram().mean_ms, histogram().percentile_ms(0.5)) == (None, None)


def test_day_record_has_the_specified_fields() -> None:
    """Of 1,000 requests 400 avoid an answer, 360 an embedding, and 168 a search."""
    stats = PeriodStats(
        {
            "l1_hits": 380,
            "l1_misses": 620,
            "outcome_semantic": 20,
            "outcome_l2": 360,
            "outcome_l3": 168,
            "outcome_none": 72,
            "spent_nanodollars": 600 * 260_000,
            "saved_nanodollars": 400 * 260_000,
            "exact_ms_50": 400,
            "exact_us": 400 * 45_000,
            "none_ms_5000": 600,
            "none_us": 600 * 3_805_000,
        }
    )
    record = day_record(date(2024, 12, 27), stats, memory_mb=32)
    expected = {
        "date": "2024-12-27",
        "total_requests": 1000,
        "cache_hits": {"l1": 400, "l2": 360, "l3": 168},
        "combined_hit_rate": 0.928,
        "answer_hit_rate": 0.4,
        "cost_baseline": 0.26,
        "cost_actual": 0.156,
        "cost_saved": 0.104,
        "avg_latency_cached_ms": 45,
        "avg_latency_uncached_ms": 3805,
        "redis_memory_mb": 32,
    }
    assert {name: record.get(name) for name in expected} == expected


@pytest.mark.parametrize(("judged", "wrong"), [(-3, 0), (2, 5), (0, 4), (5, -1)])
def test_foreign_counters_of_judged_hits_give_an_interval_all_the_same(
    judged: int, wrong: int
) -> None:
    stats = PeriodStats({"matches_judged": judged, "matches_judged_wrong": wrong})
    low, high = stats.wrong_matches
    assert 0 <= low < high <= 1
