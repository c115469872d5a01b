"""Counters of a month of questions."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from random import Random

from shared.cache import keyspace
from shared.cache.counters import BUCKETS_MS, bucket_names, hour_name
from tests.support.servers import send_command
from tests.support.utc_day import stay_within_a_day

# By outcome: the share of requests in the latency bucket of each upper bound in ms.
_TIMES = {
    "exact": {1: 0.2, 2: 0.6, 5: 0.17, 10: 0.03},
    "semantic": {10: 0.1, 20: 0.3, 50: 0.5, 100: 0.1},
    "coalesced": {500: 0.4, 1_000: 0.4, 2_000: 0.2},
    "none": {500: 0.05, 1_000: 0.45, 2_000: 0.4, 5_000: 0.1},
    "failed": {10_000: 1.0},
}
_ANSWER = 260_000  # nanodollars


def write_counter_history(port: int, *, seed: int = 1) -> None:
    """Write counters of thirty days with growing traffic; the last day is half over."""
    stay_within_a_day(60)
    rng = Random(seed)
    today = datetime.now(UTC).date()
    total: Counter[str] = Counter()
    for back in range(30):
        day = today - timedelta(back)
        asked = int((900 - 18 * back) * (0.45 if day.weekday() > 4 else 1) * rng.uniform(0.9, 1.1))
        asked //= 2 if back == 0 else 1
        counts = _day(asked, 30 - back, rng)
        if back == 0:
            counts |= _hours(asked)
        total.update(counts)
        _write(port, keyspace.counters_key(back % 8, day.isoformat()), counts)
    _write(port, keyspace.counters_key(0), total)
    ends = int(datetime.now(UTC).timestamp()) // 3_600 + 12
    entries = f"a{ends} 4211 c{ends} 388 e{ends} 6120"
    send_command(port, f"HSET {keyspace.entry_counts_key(3)} {entries}")


def _hours(asked: int) -> dict[str, int]:
    """Return the counters of a day with so many questions by hour, until now."""
    hours = range(datetime.now(UTC).hour + 1)
    shares = [1 + 3 * (8 <= hour <= 17) for hour in hours]
    ended = [asked * share // sum(shares) for share in shares]
    return {
        hour_name(hour, reused=reused): number * percent // 100
        for hour, number in zip(hours, ended, strict=True)
        for reused, percent in ((True, 60), (False, 40))
    }


def _write(port: int, key: str, counts: Mapping[str, int]) -> None:
    pairs = " ".join(f"{name} {number}" for name, number in counts.items())
    send_command(port, f"HSET {key} {pairs}")


def _day(asked: int, age: int, rng: Random) -> dict[str, int]:
    """The counters of a day with so many questions, when the cache is `age` days old."""
    warm = min(1.0, 0.45 + age / 30)
    exact, semantic, coalesced = (int(asked * share * warm) for share in (0.39, 0.2, 0.02))
    rest = asked - exact - semantic - coalesced
    l3, l2, failed = int(rest * 0.12), int(rest * 0.3), rng.choice((0, 0, 0, 2))
    none = rest - l3 - l2 - failed
    counts = {
        "l1_hits": exact,
        "l1_misses": asked - exact,
        "outcome_coalesced": coalesced,
        "outcome_semantic": semantic,
        "outcome_l3": l3,
        "outcome_l2": l2,
        "outcome_none": none,
        "outcome_failed": failed,
        "l1_stores": l3 + l2 + none,
        "l1_drops": asked // 20,
        "l3_drops": asked // 20,
        "spent_nanodollars": (l3 + l2 + none) * _ANSWER,
        "saved_nanodollars": (exact + semantic + coalesced) * _ANSWER,
        "rejected_by_rules": int(asked * 0.05),
        "rejected_by_verifier": int(asked * 0.01),
        "rejected_by_model": int(asked * 0.02),
        "matches_judged": 12,
        "matches_judged_wrong": int(asked % 10 == 0),
        "stores_refused": rng.randrange(3),
        "note_changes": asked // 20,
        "answers_retained": asked // 20 * 18,
        "answers_dropped": asked // 20 * 2,
        "note_change_lags": asked // 20,
        "note_change_lag_ms": asked // 20 * rng.randrange(180, 420),
        "redis_outages": rng.choice((0, 0, 0, 0, 1)),
        "cache_unavailable": rng.choice((0, 0, 0, 0, 7)),
        "trimmed": rng.randrange(4),
    }
    outcomes = {"exact": exact, "semantic": semantic, "coalesced": coalesced, "none": rest - failed}
    for outcome, number in (outcomes | {"failed": failed}).items():
        for bound, share in _TIMES[outcome].items():
            counts[bucket_names(outcome)[BUCKETS_MS.index(bound)]] = round(number * share)
    return {name: number for name, number in counts.items() if number}
