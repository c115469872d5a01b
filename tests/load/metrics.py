"""What a load came to."""

from collections.abc import Mapping, Sequence
from statistics import quantiles
from typing import Any

from shared.cache.stats_snapshot import StatsSnapshot
from tests.benchmarks.report import Metric
from tests.load.processes import Memory

SOAK_SECONDS = 600
_OUTCOMES = ("exact", "semantic", "miss")


def load_metrics(
    served: Sequence[Mapping[str, Any]], told: StatsSnapshot, memory: Memory, seconds: int
) -> dict[str, Metric]:
    """Give each metric by name. What was avoided is what the servers counted themselves."""
    found: dict[str, Metric] = {}
    for outcome in _OUTCOMES:
        times = [each["ms"] for each in served if each["outcome"] == outcome]
        enough = len(times) > 1
        percentiles = quantiles(times, n=100, method="inclusive") if enough else ()
        unit = "ms" if enough else f"ms; {len(times)} served so, which is too few"
        for rank in (50, 95, 99):
            budget = 100.0 if (outcome, rank) == ("exact", 95) else None
            value = percentiles[rank - 1] if percentiles else None
            found[f"load_{outcome}_p{rank}_ms"] = Metric(unit=unit, value=value, budget=budget)
    failed = sum(each["outcome"] == "failed" for each in served)
    uncached = sum(each["cache"] == "unavailable" for each in served)
    soak = 1.05 if seconds >= SOAK_SECONDS else None
    found |= {
        "load_requests": Metric(unit="requests", value=len(served)),
        "load_errors": Metric(unit="requests", value=failed, budget=0),
        "load_uncached": Metric(unit="requests that Redis kept waiting", value=uncached),
        "load_answers_avoided": _share(told.total.answer_hit_rate, budget=0.6),
        "load_any_tier": _share(told.total.combined_hit_rate, budget=0.6),
        "load_redis_mb": Metric(unit="MB", value=(told.memory_bytes or 0) / 1e6),
        "load_server_mb": Metric(unit="MB, the larger process", value=max(memory.samples)),
        "load_server_growth": Metric(
            unit="last fifth / second fifth", value=memory.growth(), budget=soak
        ),
    }
    return found


def failure(exit_code: int, served: Sequence[Mapping[str, Any]]) -> str:
    """Say why a run proves nothing: it broke off, or was not answered; empty where it is whole."""
    failed = sum(each["outcome"] == "failed" for each in served)
    if failed:
        return f"{failed:,} of {len(served):,} questions failed"
    if not served:
        return "nothing was asked"
    return f"locust ended with {exit_code}" if exit_code else ""


def _share(value: float | None, budget: float) -> Metric:
    return Metric(unit="share of questions", value=value, budget=budget, floor=True)
