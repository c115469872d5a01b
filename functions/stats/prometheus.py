"""Statistics in Prometheus' text format.

https://prometheus.io/docs/instrumenting/exposition_formats/

By hand: a client library keeps counters of its own process, and these are already summed over
all containers.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.statistics import Statistics, Tally

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Samples = Mapping[str, float]
"""Values by their labels, as they are written between braces."""


def write(figures: "Statistics") -> str:
    """Write every metric."""
    return "".join(f"{line}\n" for line in _lines(figures))


def _lines(figures: "Statistics") -> Iterator[str]:
    total, live = figures.total, figures.live
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


def _counters(total: "Tally") -> Iterator[tuple[str, str, Samples]]:
    yield "requests", "Questions", {"": total.requests}
    avoided = {
        'match="exact"': total.exact,
        'match="semantic"': total["semantic_hits"],
    }
    yield "answers_avoided", "Questions that needed no new answer", avoided
    generated = {f'saved="{tier}"': total[f"generated_{tier}"] for tier in ("l3", "l2", "none")}
    yield "answers_generated", "Answers written, by the tier that saved a step", generated
    yield "flights_joined", "Questions that waited for the same one", {"": total["flights_joined"]}
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
    served = {f'way="{way}"': number for way, number in total.served.items() if way != "other"}
    yield "requests_served", "Questions that met the cache, by what became of them", served
    refused = {f'by="{by}"': total[f"refused_by_{by}"] for by in ("guard", "verifier", "fit")}
    yield "matches_refused", "Answers of other wordings refused", refused
    fence = {"": total["refused_by_fence"]}
    yield "stores_refused", "Answers not stored, for the notes had changed", fence
    yield "requests_anew", "Questions that wanted a new answer", {"": total["bypassed"]}
    yield "requests_uncached", "Questions without the cache", {"": total["uncached"]}
    yield "breakers_opened", "Times that a model was left alone", {"": total["breakers_opened"]}
    yield "outages", "Containers' losses of Redis", {"": total["outages"]}
    yield (
        "cost_dollars",
        "Answers' cost",
        {'kind="spent"': total.spent, 'kind="saved"': total.saved},
    )
    changes = {"": total["invalidations"]}
    yield "note_changes", "Note changes made true in the cache", changes
    fates = {f'fate="{fate}"': total[fate] for fate in ("dropped", "kept")}
    yield "questions_after_change", "Cached answers at note changes", fates
    yield "evictions", "Questions beyond a user's bound", {"": total["evicted"]}


def _lag(total: "Tally") -> Iterator[str]:
    name = "tercet_note_change_lag_seconds"
    yield from _head(name, "summary", "From a note's change to its acknowledgement")
    yield f"{name}_sum {total['lag_ms'] / 1e3}"
    yield f"{name}_count {total.lagged}"


def _durations(total: "Tally") -> Iterator[str]:
    name = "tercet_request_duration_seconds"
    yield from _head(name, "histogram", "Requests, by how they were served")
    for way, latency in total.latency.items():
        for bound, below in latency.cumulative():
            yield f'{name}_bucket{{way="{way}",le="{bound}"}} {below}'
        yield f'{name}_sum{{way="{way}"}} {latency.microseconds / 1e6}'
        yield f'{name}_count{{way="{way}"}} {latency.count}'


def _metric(name: str, kind: str, text: str, samples: Samples) -> Iterator[str]:
    yield from _head(name, kind, text)
    for labels, value in samples.items():
        yield f"{name}{{{labels}}} {value}" if labels else f"{name} {value}"


def _head(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP {name} {text}."
    yield f"# TYPE {name} {kind}"
