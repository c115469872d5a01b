"""Response of `GET /assistant/cache-stats`.

`serializers.py` builds these dictionaries; the OpenAPI document is generated from the same types.
Counters are summed over all containers. Money is in US dollars, latencies are in milliseconds. A
rate or a mean is null if there is nothing to divide by.
"""

from typing import NotRequired  # pydantic needs it before Python 3.12

from typing_extensions import TypedDict

EntriesByHits = TypedDict("EntriesByHits", {"0": int, "1": int, "2-4": int, "5-9": int, "10+": int})


class AnswerTier(TypedDict):
    """L1, cached answers. An entry counts until the end of the hour in which it expires.

    `total_hits` includes requests that waited for the same answer. `avg_hits_per_entry` refers to
    all answers that were ever stored. `entries_by_hits` are the numbers of entries with 0, 1, 2 to
    4, 5 to 9 and at least 10 hits. `ttl` is in seconds; it doubles with each hit, up to `ttl_max`.
    """

    layer: str
    total_entries: int
    total_hits: int
    total_cost_saved: float
    avg_hits_per_entry: float
    entries_by_hits: EntriesByHits
    ttl: int
    ttl_max: int


class Tier(TypedDict):
    """L2, cached embeddings, or L3, cached search results. `ttl` is in seconds."""

    layer: str
    total_entries: int
    ttl: int


class Combined(TypedDict):
    """All tiers together.

    `answer_hit_rate` is the share of requests that needed no generated answer.
    `combined_hit_rate` also includes those for which a search or an embedding was cached.
    """

    total_cost_saved: float
    cache_enabled: bool
    total_cost_spent: float
    total_requests: int
    answer_hit_rate: float | None
    combined_hit_rate: float | None


class TierCounts(TypedDict):
    """Lookups in a tier, stores, and entries that were dropped before they expired.

    `drops` are due to note changes, deleted users and the limit of questions per user. They do
    not include evictions by Redis.
    """

    hits: int
    misses: int
    stores: int
    drops: int


class MatchesRejected(TypedDict):
    """Similar questions whose answer was not reused, by what rejected the match."""

    rules: int
    verifier: int
    model: int


class MatchesJudged(TypedDict):
    """Semantic hits that the language model judged after the reply, and those judged wrong.

    `wrong_share` is the share that was judged wrong. With 95 % confidence that of all semantic hits
    is from `wrong_share_low` to `wrong_share_high` (Clopper and Pearson). All three are null if
    none was judged.
    """

    judged: int
    wrong: int
    wrong_share: float | None
    wrong_share_low: float | None
    wrong_share_high: float | None


class NoteChanges(TypedDict):
    """Note changes that were applied to the cache, and the cached answers dropped and retained.

    A message that is delivered twice counts twice. A change while Redis is full is not counted.
    The lag is the time from the change to its acknowledgement; messages that are more than a week
    old have none.
    """

    acknowledged: int
    answers_dropped: int
    answers_retained: int
    avg_lag_ms: float | None


class Warming(TypedDict):
    """Answers that were generated in the background after note changes, or in advance.

    `used` are those that a request got before they ended. Without warming these requests would have
    waited, and generated the answers for `cost_saved`. `cost` is that of all `answers`.
    """

    answers: int
    used: int
    cost: float
    cost_saved: float


class Latency(TypedDict):
    """Latencies of requests; percentiles are estimated from a histogram."""

    count: int
    mean: float | None
    p50: float | None
    p95: float | None


class CacheHits(TypedDict):
    """Requests by the deepest tier that saved a step."""

    l1: int
    l2: int
    l3: int


class Period(TypedDict):
    """Counters of a period.

    `outcomes` are requests by how they ended; their sum is `total_requests`. `exact`, `coalesced`
    and `semantic` got an answer that was cached, that another request generated meanwhile, or that
    was cached for an equivalent question. `l3`, `l2` and `none` generated an answer, by the deepest
    tier that saved a step. While the model was down, `stale` got an expired answer and `extractive`
    a quotation. `no_notes` and `failed` got no answer. `other` are in progress, or lost Redis.
    `latency_ms` is by outcome, too; `generated` combines `l3`, `l2` and `none`, `all` combines all.

    `no_cache` requests asked for a new answer. `cache_unavailable` requests were answered while
    Redis was unavailable. `redis_outages` and `breaker_opens` count how often a container lost
    Redis, or opened the circuit breaker of a model. `stores_refused` are answers that were not
    stored because a note had changed. `trimmed` are questions beyond the limit per user.
    `note_changes_not_stored` did not change the note store, which had a newer version.
    `note_changes_from_future` had a time that was more than five minutes ahead.
    """

    outcomes: dict[str, int]
    no_cache: int
    cache_unavailable: int
    redis_outages: int
    breaker_opens: int
    matches_rejected: MatchesRejected
    matches_judged: MatchesJudged
    stores_refused: int
    note_changes: NoteChanges
    note_changes_not_stored: int
    note_changes_from_future: int
    trimmed: int
    warming: Warming
    latency_ms: dict[str, Latency]


class Window(Period):
    """All requested days together. Cached latency is that of exact and semantic hits."""

    total_requests: int
    cache_hits: CacheHits
    combined_hit_rate: float | None
    answer_hit_rate: float | None
    cost_baseline: float
    cost_actual: float
    cost_saved: float
    avg_latency_cached_ms: float | None
    avg_latency_uncached_ms: float | None


class Day(Window):
    """One day (UTC). The memory is known only for today."""

    date: str
    redis_memory_mb: float | None


class Hour(TypedDict):
    """Requests that ended in an hour of today (UTC). They do not include those in progress."""

    hour: int
    answers_avoided: int
    total_requests: int


class RecentRequest(TypedDict):
    """A question that this process answered, without its text.

    `request_id` and `outcome` are as in its log line, `timestamp` is the end of the request (UTC).
    """

    request_id: str
    timestamp: str
    outcome: str
    tier: str | None
    status: int
    duration_ms: float


class CacheStats(Period):
    """What the cache did and saved since counting began, and what it contains now.

    `similarity_threshold` is the least probability of a semantic match now. It is above that of
    the settings while too many matches were judged wrong.
    """

    l1_query: AnswerTier
    l2_embedding: Tier
    l3_context: Tier
    combined: Combined
    tiers: dict[str, TierCounts]
    memory_mb: float | None
    memory_limit_mb: float | None
    similarity_threshold: float
    window: NotRequired[Window]
    days: NotRequired[list[Day]]
    today_by_hour: NotRequired[list[Hour]]
    recent_requests: NotRequired[list[RecentRequest]]
