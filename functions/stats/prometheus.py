"""StatsSnapshot in Prometheus' text format.

https://prometheus.io/docs/instrumenting/exposition_formats/

By hand: a client library keeps counters of its own process, and these are already summed over
all containers.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.statistics import PeriodStats, StatsSnapshot

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Samples = Mapping[str, float]
"""Values by their labels, as they are written between braces."""


def write(figures: "StatsSnapshot") -> str:
    """Write every metric."""
    return "".join(f"{line}\n" for line in _lines(figures))


def _lines(figures: "StatsSnapshot") -> Iterator[str]:
    total, live = figures.total, figures.entries
    for name, text, samples in _counters(total):
        yield from _metric(f"tercet_{name}_total", "counter", text, samples)
    yield from _lag(total)
    yield from _durations(total)
    entries = {
        'tier="l1"': live.answers,
        'tier="l2"': live.embeddings,
        'tier="l3"': live.contexts,
    }
    yield from _metric("tercet_entries", "gauge", "Entries that live", entries)
    for name, size in (
        ("used", figures.memory_bytes),
        ("limit", figures.memory_limit_bytes),
    ):
        if size is not None:
            metric = f"tercet_redis_memory_{name}_bytes"
            yield from _metric(metric, "gauge", f"Memory of Redis: {name}", {"": size})


def _counters(total: "PeriodStats") -> Iterator[tuple[str, str, Samples]]:
    yield "requests", "Questions", {"": total.requests}
    avoided = {
        'match="exact"': total.exact,
        'match="semantic"': total["outcome_semantic"],
    }
    yield "answers_avoided", "Questions that needed no new answer", avoided
    generated = {f'saved="{tier}"': total[f"outcome_{tier}"] for tier in ("l3", "l2", "none")}
    yield "answers_generated", "Answers written, by the tier that saved a step", generated
    coalesced = {"": total["outcome_coalesced"]}
    yield "coalesced", "Questions that waited for the same one", coalesced
    looks = {
        f'tier="{tier}",result="{result}"': total[f"{tier}_{events}"]
        for tier in ("l1", "l2", "l3")
        for result, events in (("hit", "hits"), ("miss", "misses"))
    }
    yield "lookups", "Looks into a tier", looks
    stores = {f'tier="{tier}"': total[f"{tier}_stores"] for tier in ("l1", "l2", "l3")}
    yield "stores", "Entries stored", stores
    drops = {f'tier="{tier}"': total[f"{tier}_drops"] for tier in ("l1", "l2", "l3")}
    yield "drops", "Entries dropped before their time", drops
    served = {f'outcome="{name}"': n for name, n in total.served.items() if name != "other"}
    yield "requests_served", "Questions that met the cache, by what became of them", served
    refused = {f'by="{by}"': total[f"rejected_by_{by}"] for by in ("rules", "verifier", "sources")}
    yield "matches_refused", "Answers of other wordings refused", refused
    fence = {"": total["stores_refused"]}
    yield "stores_refused", "Answers not stored, for the notes had changed", fence
    yield "requests_anew", "Questions that wanted a new answer", {"": total["no_cache"]}
    yield "requests_uncached", "Questions without the cache", {"": total["cache_unavailable"]}
    yield "breaker_opens", "Times that a model was left alone", {"": total["breaker_opens"]}
    yield "redis_outages", "Containers' losses of Redis", {"": total["redis_outages"]}
    yield (
        "cost_dollars",
        "Answers' cost",
        {'kind="spent"': total.spent, 'kind="saved"': total.saved},
    )
    changes = {"": total["note_changes"]}
    yield "note_changes", "Note changes made true in the cache", changes
    fates = {f'fate="{fate}"': total[fate] for fate in ("answers_dropped", "answers_retained")}
    yield "questions_after_change", "Cached answers at note changes", fates
    yield "evictions", "Questions beyond a user's bound", {"": total["trimmed"]}


def _lag(total: "PeriodStats") -> Iterator[str]:
    name = "tercet_note_change_lag_seconds"
    yield from _head(name, "summary", "From a note's change to its acknowledgement")
    yield f"{name}_sum {total['note_change_lag_ms'] / 1e3}"
    yield f"{name}_count {total.lagged}"


def _durations(total: "PeriodStats") -> Iterator[str]:
    name = "tercet_request_duration_seconds"
    yield from _head(name, "histogram", "Requests, by how they were served")
    for outcome, latency in total.latency.items():
        for bound, below in latency.cumulative():
            yield f'{name}_bucket{{outcome="{outcome}",le="{bound}"}} {below}'
        yield f'{name}_sum{{outcome="{outcome}"}} {latency.microseconds / 1e6}'
        yield f'{name}_count{{outcome="{outcome}"}} {latency.count}'


def _metric(name: str, kind: str, text: str, samples: Samples) -> Iterator[str]:
    yield from _head(name, kind, text)
    for labels, value in samples.items():
        yield f"{name}{{{labels}}} {value}" if labels else f"{name} {value}"


def _head(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP {name} {text}."
    yield f"# TYPE {name} {kind}"
