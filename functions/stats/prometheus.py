"""Statistics in Prometheus' text format.

https://prometheus.io/docs/instrumenting/exposition_formats/

The Prometheus client library is not used: it counts within one process, and these counters are
summed over all containers.
"""

from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import TYPE_CHECKING

from shared.cache.counters import BUCKETS_MS, OUTCOMES

if TYPE_CHECKING:
    from shared.cache.stats_snapshot import PeriodStats, StatsSnapshot

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_TIERS = ("l1", "l2", "l3")
_BOUNDS = (*(str(bound / 1e3) for bound in BUCKETS_MS), "+Inf")

Samples = Mapping[str, float]
"""Values by their labels, as they are written between braces."""


def exposition(snapshot: "StatsSnapshot") -> str:
    """Return every metric."""
    return "".join(f"{line}\n" for line in _lines(snapshot))


def _lines(snapshot: "StatsSnapshot") -> Iterator[str]:
    total, entries = snapshot.total, snapshot.entries
    for name, text, samples in _counters(total):
        yield from _metric(f"{name}_total", "counter", text, samples)
    yield from _lag(total)
    yield from _durations(total)
    by_tier = (entries.answers, entries.embeddings, entries.contexts)
    samples = {f'tier="{tier}"': number for tier, number in zip(_TIERS, by_tier, strict=True)}
    yield from _metric("entries", "gauge", "Unexpired entries", samples)
    for name, size in (("used", snapshot.memory_bytes), ("limit", snapshot.memory_limit_bytes)):
        if size is not None:
            text = f"Memory of Redis, {name}"
            yield from _metric(f"redis_memory_{name}_bytes", "gauge", text, {"": size})


def _counters(total: "PeriodStats") -> Iterator[tuple[str, str, Samples]]:
    def by_tier(event: str) -> Samples:
        return {f'tier="{tier}"': total[f"{tier}_{event}"] for tier in _TIERS}

    yield "requests", "Requests", {"": total.requests}
    ended = {f'outcome="{outcome}"': total.outcomes[outcome] for outcome in OUTCOMES}
    yield "request_outcomes", "Requests, by how they ended", ended
    for name, text in (
        ("no_cache", "Requests for a new answer"),
        ("cache_unavailable", "Requests while Redis was unavailable"),
        ("stores_refused", "Answers not stored because a note had changed"),
        ("breaker_opens", "Circuit breakers of models that opened"),
        ("redis_outages", "Outages of Redis, by container"),
        ("note_changes", "Note changes applied to the cache"),
        ("trimmed", "Questions dropped because their user had too many"),
    ):
        yield name, text, {"": total[name]}
    lookups = {
        f'tier="{tier}",result="{result}"': total[f"{tier}_{event}"]
        for tier in _TIERS
        for result, event in (("hit", "hits"), ("miss", "misses"))
    }
    yield "lookups", "Lookups in a tier", lookups
    yield "stores", "Entries stored", by_tier("stores")
    yield "drops", "Entries dropped before they expired", by_tier("drops")
    rejected = {f'by="{by}"': total[f"rejected_by_{by}"] for by in ("rules", "verifier", "sources")}
    yield "matches_rejected", "Similar questions whose answer was not reused", rejected
    cost = {'kind="spent"': total.cost_spent, 'kind="saved"': total.cost_saved}
    yield "cost_dollars", "Cost of generated answers, and of avoided ones", cost
    answers = {f'result="{each}"': total[f"answers_{each}"] for each in ("dropped", "retained")}
    yield "note_change_answers", "Cached answers at note changes", answers


def _lag(total: "PeriodStats") -> Iterator[str]:
    name = "note_change_lag_seconds"
    yield from _head(name, "summary", "Time from a note change to its acknowledgement")
    yield f"tercet_{name}_sum {total['note_change_lag_ms'] / 1e3}"
    yield f"tercet_{name}_count {total['note_change_lags']}"


def _durations(total: "PeriodStats") -> Iterator[str]:
    name = "request_duration_seconds"
    yield from _head(name, "histogram", "Duration of requests, by how they ended")
    for outcome in OUTCOMES:
        latency, label = total.latency(outcome), f'outcome="{outcome}"'
        for bound, number in zip(_BOUNDS, accumulate(latency.buckets), strict=True):
            yield f'tercet_{name}_bucket{{{label},le="{bound}"}} {number}'
        yield f"tercet_{name}_sum{{{label}}} {latency.microseconds / 1e6}"
        yield f"tercet_{name}_count{{{label}}} {latency.count}"


def _metric(name: str, kind: str, text: str, samples: Samples) -> Iterator[str]:
    yield from _head(name, kind, text)
    for labels, value in samples.items():
        yield f"tercet_{name}{{{labels}}} {value}" if labels else f"tercet_{name} {value}"


def _head(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP tercet_{name} {text}."
    yield f"# TYPE tercet_{name} {kind}"
