"""Metrics of a load test."""

from collections.abc import Mapping, Sequence
from statistics import quantiles
from typing import Any

from shared.cache.stats_snapshot import StatsSnapshot
from tests.benchmarks.report import Metric
from tests.load.processes import MemorySampler

SOAK_SECONDS = 600
_OUTCOMES = ("exact", "semantic", "miss")


def load_metrics(
    served: Sequence[Mapping[str, Any]],
    snapshot: StatsSnapshot,
    memory: MemorySampler,
    seconds: int,
) -> dict[str, Metric]:
    """Compute the metrics by name.

    Args:
        served: one record per response, as `locustfile.py` writes them.
        snapshot: the counters of the servers.
        memory: the memory samples of the servers.
        seconds: the duration of the test.
    """
    metrics: dict[str, Metric] = {}
    for outcome in _OUTCOMES:
        times = [each["ms"] for each in served if each["outcome"] == outcome]
        enough = len(times) > 1
        percentiles = quantiles(times, n=100, method="inclusive") if enough else ()
        unit = "ms" if enough else f"ms; only {len(times)} responses"
        for rank in (50, 95, 99):
            budget = 100.0 if (outcome, rank) == ("exact", 95) else None
            value = percentiles[rank - 1] if percentiles else None
            metrics[f"load_{outcome}_p{rank}_ms"] = Metric(unit=unit, value=value, budget=budget)
    failed = sum(each["outcome"] == "failed" for each in served)
    uncached = sum(each["cache"] == "unavailable" for each in served)
    soak = 1.05 if seconds >= SOAK_SECONDS else None
    metrics |= {
        "load_requests": Metric(unit="requests", value=len(served)),
        "load_errors": Metric(unit="requests", value=failed, budget=0),
        "load_uncached": Metric(unit="requests without cache", value=uncached),
        "load_answers_avoided": _share(snapshot.total.answer_hit_rate, budget=0.6),
        "load_any_tier": _share(snapshot.total.combined_hit_rate, budget=0.6),
        "load_redis_mb": Metric(unit="MB", value=(snapshot.memory_bytes or 0) / 1e6),
        "load_server_mb": Metric(unit="MB, larger process", value=max(memory.samples)),
        "load_server_growth": Metric(
            unit="last fifth / second fifth", value=memory.growth(), budget=soak
        ),
    }
    return metrics


def failure(exit_code: int, served: Sequence[Mapping[str, Any]]) -> str:
    """Return why the run is invalid; an empty string if it is valid."""
    failed = sum(each["outcome"] == "failed" for each in served)
    if failed:
        return f"{failed:,} of {len(served):,} questions failed"
    if not served:
        return "no question was sent"
    return f"locust exited with {exit_code}" if exit_code else ""


def _share(value: float | None, budget: float) -> Metric:
    return Metric(unit="share of questions", value=value, budget=budget, floor=True)
