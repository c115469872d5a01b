"""Statistics in Prometheus' text format.

https://prometheus.io/docs/instrumenting/exposition_formats/

The Prometheus client library is not used: it counts within one process, and these counters are
summed over all containers.
"""

from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import TYPE_CHECKING

from functions.stats.serializers import COUNTERS, REJECTED_BY, TIERS, current_threshold
from shared.cache.counters import BUCKETS_MS, OUTCOMES
from shared.cache.stats_snapshot import HITS

if TYPE_CHECKING:
    from shared.cache.stats_snapshot import PeriodStats, StatsSnapshot
    from shared.settings import Settings

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_BOUNDS = (*(str(bound / 1e3) for bound in BUCKETS_MS), "+Inf")

Metric = tuple[str, str, str, Mapping[str, float]]
"""Name, type, description, and values by what follows the name: a suffix, labels, or both."""


def exposition(snapshot: "StatsSnapshot", settings: "Settings") -> str:
    """Return every metric."""
    lines = []
    metrics = *_counters(snapshot.total), *_gauges(snapshot), *_matches(snapshot, settings)
    for name, kind, text, values in metrics:
        lines += [f"# HELP tercet_{name} {text}.", f"# TYPE tercet_{name} {kind}"]
        lines += [f"tercet_{name}{rest} {value}" for rest, value in values.items()]
    return "".join(f"{line}\n" for line in lines)


def _counters(total: "PeriodStats") -> Iterator[Metric]:
    def counter(name: str, text: str, values: Mapping[str, float]) -> Metric:
        return f"{name}_total", "counter", text, values

    yield counter("requests", "Requests", {"": total.requests})
    ended = {_labels(outcome=outcome): total.outcomes[outcome] for outcome in OUTCOMES}
    yield counter("request_outcomes", "Requests, by how they ended", ended)
    for name, text in COUNTERS.items():
        yield counter(name, text, {"": total[name]})
    lookups = {
        _labels(tier=tier, result=result): total[f"{tier}_{event}"]
        for tier in TIERS
        for result, event in (("hit", "hits"), ("miss", "misses"))
    }
    yield counter("lookups", "Lookups in a tier", lookups)
    by_tier = ("stores", "Entries stored"), ("drops", "Entries dropped before they expired")
    for event, text in by_tier:
        yield counter(event, text, {_labels(tier=tier): total[f"{tier}_{event}"] for tier in TIERS})
    rejected = {_labels(by=by): total[f"rejected_by_{by}"] for by in REJECTED_BY}
    yield counter("matches_rejected", "Similar questions whose answer was not reused", rejected)
    saved = total.cost_saved + total.warming_cost  # a counter must not decrease
    cost = {_labels(kind="spent"): total.cost_spent, _labels(kind="saved"): saved}
    yield counter("cost_dollars", "Cost of generated answers, and of avoided ones", cost)
    warmed = {
        _labels(result="generated"): total["warmed_answers"],
        _labels(result="used"): total["warmed_used"],
    }
    yield counter("warmed_answers", "Answers generated in the background, and used", warmed)
    cost = {_labels(kind="spent"): total.warming_cost, _labels(kind="saved"): total.warming_saved}
    yield counter("warming_cost_dollars", "Cost of warmed answers, and of used ones", cost)
    changes = {"": total["note_changes"]}
    yield counter("note_changes", "Note changes applied to the cache", changes)
    results = ("dropped", "retained")
    answers = {_labels(result=result): total[f"answers_{result}"] for result in results}
    yield counter("note_change_answers", "Cached answers at note changes", answers)

    text = "Time from a note change to its acknowledgement"
    lag = {"_sum": total["note_change_lag_ms"] / 1e3, "_count": total["note_change_lags"]}
    yield "note_change_lag_seconds", "summary", text, lag
    durations: dict[str, float] = {}
    for outcome in OUTCOMES:
        latency, labels = total.latency(outcome), _labels(outcome=outcome)
        for bound, number in zip(_BOUNDS, accumulate(latency.buckets), strict=True):
            durations["_bucket" + _labels(outcome=outcome, le=bound)] = number
        durations[f"_sum{labels}"] = latency.microseconds / 1e6
        durations[f"_count{labels}"] = latency.count
    text = "Duration of requests, by how they ended"
    yield "request_duration_seconds", "histogram", text, durations


def _gauges(snapshot: "StatsSnapshot") -> Iterator[Metric]:
    entries = snapshot.entries
    numbers = (entries.answers, entries.embeddings, entries.contexts)
    by_tier = {_labels(tier=tier): number for tier, number in zip(TIERS, numbers, strict=True)}
    yield "entries", "gauge", "Unexpired entries", by_tier
    by_hits = {
        _labels(hits=hits): number
        for hits, number in zip(HITS, entries.answers_by_hits, strict=True)
    }
    yield "answers_by_hits", "gauge", "Unexpired answers, by how often they were hit", by_hits
    for name, size in (("used", snapshot.memory_bytes), ("limit", snapshot.memory_limit_bytes)):
        if size is not None:
            yield f"redis_memory_{name}_bytes", "gauge", f"Memory of Redis, {name}", {"": size}


def _matches(snapshot: "StatsSnapshot", settings: "Settings") -> Iterator[Metric]:
    total = snapshot.total
    wrong = total["matches_judged_wrong"]
    right = total["matches_judged"] - wrong
    verdicts = {_labels(verdict="right"): right, _labels(verdict="wrong"): wrong}
    text = "Semantic hits that the language model judged after the reply"
    yield "matches_judged_total", "counter", text, verdicts
    bounds = {_labels(bound=name): value for name, value in total.wrong_matches._asdict().items()}
    text = "Bounds of the share of wrong semantic hits, with 95 % confidence"
    yield "wrong_match_share", "gauge", text, bounds
    text = "Least probability of a semantic match"
    yield "similarity_threshold", "gauge", text, {"": current_threshold(snapshot, settings)}


def _labels(**labels: str) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}"
