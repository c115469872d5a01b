"""Builds the response of `GET /assistant/cache-stats`: see `schemas.py`."""

from typing import TYPE_CHECKING

from shared.cache.counters import OUTCOMES
from shared.cache.stats_snapshot import GENERATED

if TYPE_CHECKING:
    from datetime import date

    from functions.stats import schemas
    from shared.cache.stats_snapshot import LatencyHistogram, PeriodStats, StatsSnapshot
    from shared.settings import Settings

_LATENCIES = {outcome: (outcome,) for outcome in OUTCOMES} | {"generated": GENERATED}


def cache_stats(snapshot: "StatsSnapshot", settings: "Settings") -> "schemas.CacheStats":
    """Build the response body. If days were read, it has each day and their sum."""
    total, entries = snapshot.total, snapshot.entries
    stored = total["l1_stores"]
    memory_mb = _megabytes(snapshot.memory_bytes)
    body: schemas.CacheStats = {
        "l1_query": {
            "layer": "L1_query_result",
            "total_entries": entries.answers,
            "total_hits": total.answers_avoided,
            "total_cost_saved": _dollars(total.cost_saved),
            "avg_hits_per_entry": round(total.answers_avoided / stored, 2) if stored else 0.0,
            "ttl": settings.answer_ttl,
        },
        "l2_embedding": {
            "layer": "L2_embedding",
            "total_entries": entries.embeddings,
            "ttl": settings.embedding_ttl,
        },
        "l3_context": {
            "layer": "L3_context",
            "total_entries": entries.contexts,
            "ttl": settings.context_ttl,
        },
        "combined": {
            "total_cost_saved": _dollars(total.cost_saved),
            "cache_enabled": settings.cache_enabled,
            "total_cost_spent": _dollars(total.cost_spent),
            "total_requests": total.requests,
            "answer_hit_rate": _rounded(total.answer_hit_rate, 4),
            "combined_hit_rate": _rounded(total.combined_hit_rate, 4),
        },
        "tiers": {
            tier: {
                "hits": total[f"{tier}_hits"],
                "misses": total[f"{tier}_misses"],
                "stores": total[f"{tier}_stores"],
                "drops": total[f"{tier}_drops"],
            }
            for tier in ("l1", "l2", "l3")
        },
        **_period(total),  # type: ignore[typeddict-item]  # `window` and `days` are added below
        "memory_mb": memory_mb,
        "memory_limit_mb": _megabytes(snapshot.memory_limit_bytes),
    }
    if snapshot.days:
        today = max(snapshot.days)
        body["window"] = _window(snapshot.window)
        body["days"] = [
            day_record(day, stats, memory_mb=memory_mb if day == today else None)
            for day, stats in snapshot.days.items()
        ]
    return body


def day_record(day: "date", stats: "PeriodStats", *, memory_mb: float | None) -> "schemas.Day":
    """Build the record of a day."""
    return {"date": day.isoformat(), **_window(stats), "redis_memory_mb": memory_mb}


def _window(stats: "PeriodStats") -> "schemas.Window":
    return {
        "total_requests": stats.requests,
        "cache_hits": {
            "l1": stats.answers_avoided,
            "l2": stats["outcome_l2"],
            "l3": stats["outcome_l3"],
        },
        "combined_hit_rate": _rounded(stats.combined_hit_rate, 4),
        "answer_hit_rate": _rounded(stats.answer_hit_rate, 4),
        "cost_baseline": _dollars(stats.cost_spent + stats.cost_saved),
        "cost_actual": _dollars(stats.cost_spent),
        "cost_saved": _dollars(stats.cost_saved),
        "avg_latency_cached_ms": _rounded(stats.latency("exact", "semantic").mean_ms),
        "avg_latency_uncached_ms": _rounded(stats.latency("coalesced", *GENERATED).mean_ms),
        **_period(stats),
    }


def _period(stats: "PeriodStats") -> "schemas.Period":
    return {
        "outcomes": stats.outcomes,
        "no_cache": stats["no_cache"],
        "cache_unavailable": stats["cache_unavailable"],
        "redis_outages": stats["redis_outages"],
        "breaker_opens": stats["breaker_opens"],
        "matches_rejected": {
            "rules": stats["rejected_by_rules"],
            "verifier": stats["rejected_by_verifier"],
            "sources": stats["rejected_by_sources"],
        },
        "stores_refused": stats["stores_refused"],
        "note_changes": {
            "acknowledged": stats["note_changes"],
            "answers_dropped": stats["answers_dropped"],
            "answers_retained": stats["answers_retained"],
            "avg_lag_ms": _rounded(stats.mean_lag_ms),
        },
        "trimmed": stats["trimmed"],
        "latency_ms": {
            name: _latency(stats.latency(*outcomes)) for name, outcomes in _LATENCIES.items()
        },
    }


def _latency(histogram: "LatencyHistogram") -> "schemas.Latency":
    return {
        "count": histogram.count,
        "mean": _rounded(histogram.mean_ms),
        "p50": _rounded(histogram.percentile_ms(0.5)),
        "p95": _rounded(histogram.percentile_ms(0.95)),
    }


def _dollars(amount: float) -> float:
    return round(amount, 6)


def _megabytes(size: int | None) -> float | None:
    return None if size is None else round(size / 1e6, 2)


def _rounded(value: float | None, digits: int = 2) -> float | None:
    return None if value is None else round(value, digits)
