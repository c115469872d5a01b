"""StatsSnapshot, as the caller gets them: a `CacheStats` of `forms.py`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import date

    from shared.settings import Settings
    from shared.statistics import Latency, PeriodStats, StatsSnapshot

_EVENTS = ("hits", "misses", "stores", "drops")
_SERVED = ("exact", "semantic")
_GENERATED = ("l3", "l2", "none")
_WAITED = ("coalesced", *_GENERATED)


def present(figures: "StatsSnapshot", settings: "Settings", *, days: bool) -> dict[str, Any]:
    """Write the response's body; `days` asks for each day's record."""
    total, live = figures.total, figures.entries
    stored = total["l1_stores"]
    body: dict[str, Any] = {
        "l1_query": {
            "layer": "L1_query_result",
            "total_entries": live.answers,
            "total_hits": total.avoided,
            "total_cost_saved": _dollars(total.saved),
            "avg_hits_per_entry": round(total.avoided / stored, 2) if stored else 0.0,
            "ttl": settings.answer_ttl,
        },
        "l2_embedding": {
            "layer": "L2_embedding",
            "total_entries": live.embeddings,
            "ttl": settings.embedding_ttl,
        },
        "l3_context": {
            "layer": "L3_context",
            "total_entries": live.contexts,
            "ttl": settings.context_ttl,
        },
        "combined": {
            "total_cost_saved": _dollars(total.saved),
            "cache_enabled": settings.cache_enabled,
            "total_cost_spent": _dollars(total.spent),
            "total_requests": total.requests,
            "answers_avoided": _rounded(total.answers_avoided, 4),
            "any_tier": _rounded(total.any_tier, 4),
        },
        "tiers": {
            tier: {event: total[f"{tier}_{event}"] for event in _EVENTS}
            for tier in ("l1", "l2", "l3")
        },
        **_happened(total),
        "memory_mb": _megabytes(figures.memory_bytes),
        "memory_limit_mb": _megabytes(figures.memory_limit_bytes),
    }
    if days:
        window, last = figures.window, max(figures.days)
        memory = _megabytes(figures.memory_bytes)
        body["window"] = _sums(window) | _happened(window)
        body["days"] = [
            record(day, tally, memory_mb=memory if day == last else None) | _happened(tally)
            for day, tally in figures.days.items()
        ]
    return body


def record(day: "date", tally: "PeriodStats", *, memory_mb: float | None) -> dict[str, Any]:
    """Write a day's record. A question counts at the deepest tier that saved it something."""
    return {"date": day.isoformat()} | _sums(tally) | {"redis_memory_mb": memory_mb}


def _sums(tally: "PeriodStats") -> dict[str, Any]:
    return {
        "total_requests": tally.requests,
        "cache_hits": {
            "l1": tally.avoided,
            "l2": tally["outcome_l2"],
            "l3": tally["outcome_l3"],
        },
        "combined_hit_rate": _rounded(tally.any_tier, 4),
        "answers_avoided": _rounded(tally.answers_avoided, 4),
        "cost_baseline": _dollars(tally.spent + tally.saved),
        "cost_actual": _dollars(tally.spent),
        "cost_saved": _dollars(tally.saved),
        "avg_latency_cached_ms": _rounded(tally.latency_of(*_SERVED).mean_ms),
        "avg_latency_uncached_ms": _rounded(tally.latency_of(*_WAITED).mean_ms),
    }


def _happened(tally: "PeriodStats") -> dict[str, Any]:
    latency = tally.latency | {"generated": tally.latency_of(*_GENERATED)}
    return {
        "answers": {
            "exact": tally.exact,
            "semantic": tally["outcome_semantic"],
            "coalesced": tally["outcome_coalesced"],
            "generated": tally.generated,
            "asked_anew": tally["no_cache"],
            "uncached": tally["cache_unavailable"],
            "stale": tally.latency["stale"].count,
            "extractive": tally.latency["extractive"].count,
        },
        "served": tally.served,
        "outages": tally["redis_outages"],
        "breaker_opens": tally["breaker_opens"],
        "refused": {
            "guard": tally["rejected_by_rules"],
            "verifier": tally["rejected_by_verifier"],
            "fit": tally["rejected_by_sources"],
            "fence": tally["stores_refused"],
        },
        "note_changes": {
            "acknowledged": tally["note_changes"],
            "dropped": tally["answers_dropped"],
            "kept": tally["answers_retained"],
            "avg_lag_ms": _rounded(tally.lag_ms),
        },
        "evicted": tally["trimmed"],
        "latency_ms": {outcome: _latency(each) for outcome, each in latency.items()},
    }


def _latency(latency: "Latency") -> dict[str, float | int | None]:
    return {
        "count": latency.count,
        "mean": _rounded(latency.mean_ms),
        "p50": _rounded(latency.percentile_ms(0.5)),
        "p95": _rounded(latency.percentile_ms(0.95)),
    }


def _dollars(amount: float) -> float:
    return round(amount, 6)


def _megabytes(size: int | None) -> float | None:
    return None if size is None else round(size / 1e6, 2)


def _rounded(value: float | None, digits: int = 2) -> float | None:
    return None if value is None else round(value, digits)
