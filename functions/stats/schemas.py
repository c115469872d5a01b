"""The forms of responses, for the OpenAPI document alone: nothing else loads them.

Counters are of all containers together, since counting began. Money is in US dollars.
"""

from datetime import date

from pydantic import BaseModel


class Answers(BaseModel):
    """L1. `total_entries` is true to the hour in which entries end; `ttl` is in seconds.

    `avg_hits_per_entry` is of all answers ever stored, whether they still live or not.
    """

    layer: str
    total_entries: int
    total_hits: int
    total_cost_saved: float
    avg_hits_per_entry: float
    ttl: int


class Entries(BaseModel):
    """L2, and L3: its contexts live as long as the answer that shows them as its sources."""

    layer: str
    total_entries: int
    ttl: int


class Combined(BaseModel):
    """All tiers together.

    `answers_avoided` is the share of questions that needed no new answer, `any_tier` the share
    that any tier saved something; null before the first question.
    """

    total_cost_saved: float
    cache_enabled: bool
    total_cost_spent: float
    total_requests: int
    answers_avoided: float | None
    any_tier: float | None


class Tier(BaseModel):
    """How often a tier was looked into, stored in, and had to give an entry up before its time.

    `drops` are by note changes, deleted users and a user's bound; what Redis evicts itself, it
    does not tell.
    """

    hits: int
    misses: int
    stores: int
    drops: int


class Outcomes(BaseModel):
    """What became of questions.

    `exact` holds those that waited for the same question (`coalesced`); `asked_anew` wanted a new
    answer; `uncached` were answered while the cache was away. While a language model was left
    alone, `stale` got an answer whose time was up, `extractive` a quotation from the notes.
    """

    exact: int
    semantic: int
    coalesced: int
    generated: int
    asked_anew: int
    uncached: int
    stale: int
    extractive: int


class Served(BaseModel):
    """What became of each question that came with the cache there; together `total_requests`.

    `exact` are hits as they stand, `l3`, `l2` and `none` new answers by the deepest tier that
    saved them something; `other` are under way, or lost the cache before they were answered.
    """

    exact: int
    coalesced: int
    semantic: int
    l3: int
    l2: int
    none: int
    stale: int
    extractive: int
    no_notes: int
    failed: int
    other: int


class Refused(BaseModel):
    """What was near and would not do.

    Answers of other wordings refused by the guard, by the verifier, or because their sources do
    not fit; new answers not stored because the notes had changed meanwhile (`fence`).
    """

    guard: int
    verifier: int
    fit: int
    fence: int


class NoteChanges(BaseModel):
    """Changes made true in the cache, the answers they dropped and kept, and how late they were.

    `acknowledged` counts a change once more where its message came again: because a replica was
    late, say. A change that found Redis full is not counted, for nothing can be written down then.
    `dropped` and `kept` are questions with an answer, their own or another's. The lag is from the
    note's change; what is told more than a week late is an old message once more, and has none.
    """

    acknowledged: int
    dropped: int
    kept: int
    avg_lag_ms: float | None


class Latencies(BaseModel):
    """Milliseconds of requests of one outcome; percentiles are estimated from a histogram."""

    count: int
    mean: float | None
    p50: float | None
    p95: float | None


class Hits(BaseModel):
    """Questions, each at the deepest tier that saved it something."""

    l1: int
    l2: int
    l3: int


class Happened(BaseModel):
    """What happened in some time.

    `outages` are containers' losses of Redis, `breaker_opens` how often one began to leave a
    language or embedding model alone; `evicted` are questions beyond a user's bound.
    Latencies are by how a request was served; `generated` is of all answers that were written.
    """

    answers: Outcomes
    served: Served
    outages: int
    breaker_opens: int
    refused: Refused
    note_changes: NoteChanges
    evicted: int
    latency_ms: dict[str, Latencies]


class Window(Happened):
    """All days asked for together.

    Cached latency is of exact and semantic hits; whoever waited for an answer that was being
    generated counts as uncached.
    """

    total_requests: int
    cache_hits: Hits
    combined_hit_rate: float | None
    answers_avoided: float | None
    cost_baseline: float
    cost_actual: float
    cost_saved: float
    avg_latency_cached_ms: float | None
    avg_latency_uncached_ms: float | None


class Day(Window):
    """What happened on a day (UTC); memory is known of today alone."""

    date: date
    redis_memory_mb: float | None


class CacheStats(Happened):
    """What the cache did, what it saved and what is in it."""

    l1_query: Answers
    l2_embedding: Entries
    l3_context: Entries
    combined: Combined
    tiers: dict[str, Tier]
    memory_mb: float | None
    memory_limit_mb: float | None
    window: Window | None = None
    days: list[Day] | None = None
