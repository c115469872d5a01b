"""Builds the response of `GET /assistant/cache-stats`: see `schemas.py`."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from shared.cache.counters import OUTCOMES
from shared.cache.stats_snapshot import GENERATED, HITS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from shared.cache.stats_snapshot import LatencyHistogram, PeriodStats, StatsSnapshot
    from shared.settings import Settings

COUNTERS = {
    "no_cache": "Requests for a new answer",
    "cache_unavailable": "Requests while Redis was unavailable",
    "stores_refused": "Answers not stored because a note had changed",
    "breaker_opens": "Circuit breakers of models that opened",
    "redis_outages": "Outages of Redis, by container",
    "note_changes_not_stored": "Note changes that the note store had a newer version of",
    "note_changes_from_future": "Note changes whose time was more than five minutes ahead",
    "trimmed": "Questions dropped because their user had too many",
}
"""Counters without a dimension, and their descriptions."""

REJECTED_BY = ("rules", "model", "verifier")
TIERS = ("l1", "l2", "l3")
_TIER_EVENTS = ("hits", "misses", "stores", "drops")

_LATENCIES = {outcome: (outcome,) for outcome in OUTCOMES} | {
    "generated": GENERATED,
    "all": OUTCOMES,
}


def cache_stats(
    snapshot: "StatsSnapshot",
    settings: "Settings",
    first: "date | None" = None,
    last: "date | None" = None,
) -> dict[str, Any]:
    """Build the response body. If days were read, it has each day and their sum.

    `first` and `last` limit the days to those from one to the other.
    """
    total, entries = snapshot.total, snapshot.entries
    stored = total["l1_stores"]
    memory_mb = _megabytes(snapshot.memory_bytes)
    body = {
        "l1_query": {
            "layer": "L1_query_result",
            "total_entries": entries.answers,
            "total_hits": total.answers_avoided,
            "total_cost_saved": _dollars(total.cost_saved),
            "avg_hits_per_entry": round(total.answers_avoided / stored, 2) if stored else 0.0,
            "entries_by_hits": dict(zip(HITS, entries.answers_by_hits, strict=True)),
            "ttl": settings.answer_ttl,
            "ttl_max": max(settings.answer_ttl, settings.answer_ttl_max),
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
            tier: {event: total[f"{tier}_{event}"] for event in _TIER_EVENTS} for tier in TIERS
        },
        **_period(total),
        "memory_mb": memory_mb,
        "memory_limit_mb": _megabytes(snapshot.memory_limit_bytes),
        "similarity_threshold": current_threshold(snapshot, settings),
    }
    if snapshot.days:
        today = max(snapshot.days)
        period = snapshot.between(first or min(snapshot.days), last or today)
        body["window"] = window_record(period.window)
        body["days"] = [
            day_record(day, stats, memory_mb=memory_mb if day == today else None)
            for day, stats in period.days.items()
        ]
        body["today_by_hour"] = [
            {"hour": hour, "answers_avoided": reused, "total_requests": reused + other}
            for hour, (reused, other) in enumerate(snapshot.days[today].hours)
        ]
    return body


def current_threshold(snapshot: "StatsSnapshot", settings: "Settings") -> float:
    """Return the threshold of semantic matches: that of the settings, or a raised one."""
    return max(settings.similarity_threshold, snapshot.raised_threshold)


def recent_requests(requests: "Iterable[tuple[float, dict[str, Any]]]") -> list[dict[str, Any]]:
    """Build the list of recent requests from their ends (s since 1970) and log fields."""
    return [
        {"timestamp": datetime.fromtimestamp(ended, UTC).isoformat(timespec="milliseconds")}
        | {name.lower(): value for name, value in log_fields.items()}
        for ended, log_fields in requests
    ]


def day_record(day: "date", stats: "PeriodStats", *, memory_mb: float | None) -> dict[str, Any]:
    """Build the record of a day."""
    return {"date": day.isoformat(), **window_record(stats), "redis_memory_mb": memory_mb}


def window_record(stats: "PeriodStats") -> dict[str, Any]:
    """Build the record of several days, or of all time."""
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


def _period(stats: "PeriodStats") -> dict[str, Any]:
    return {
        "outcomes": stats.outcomes,
        **{name: stats[name] for name in COUNTERS},
        "matches_rejected": {by: stats[f"rejected_by_{by}"] for by in REJECTED_BY},
        "matches_judged": _judged(stats),
        "note_changes": {
            "acknowledged": stats["note_changes"],
            "answers_dropped": stats["answers_dropped"],
            "answers_retained": stats["answers_retained"],
            "avg_lag_ms": _rounded(stats.mean_lag_ms),
        },
        "warming": {
            "answers": stats["warmed_answers"],
            "used": stats["warmed_used"],
            "cost": _dollars(stats.warming_cost),
            "cost_saved": _dollars(stats.warming_saved),
        },
        "latency_ms": {
            name: _latency(stats.latency(*outcomes)) for name, outcomes in _LATENCIES.items()
        },
    }


def _judged(stats: "PeriodStats") -> dict[str, Any]:
    judged, wrong = stats["matches_judged"], stats["matches_judged_wrong"]
    bounds = stats.wrong_matches
    return {
        "judged": judged,
        "wrong": wrong,
        "wrong_share": _rounded(wrong / judged, 4) if judged else None,
        "wrong_share_low": _rounded(bounds.low, 4) if judged else None,
        "wrong_share_high": _rounded(bounds.high, 4) if judged else None,
    }


def _latency(histogram: "LatencyHistogram") -> dict[str, Any]:
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
