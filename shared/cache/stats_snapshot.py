"""What the cache did and what it saved, derived from counters. Pure.

Each request increments exactly one of `l1_hits`, `l1_misses`, `no_cache` and `shared_lookups` (its
leader's lookup, which was no hit) when it starts, and one outcome when it ends.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import repeat
from typing import TYPE_CHECKING

from shared.binomial_interval import Interval, clopper_pearson
from shared.cache.counters import BUCKETS_MS, OUTCOMES, bucket_names, hour_name

if TYPE_CHECKING:
    from datetime import date

GENERATED = ("l3", "l2", "none")
"""Outcomes in which the language model answered."""

HITS = ("0", "1", "2-4", "5-9", "10+")
"""Numbers of hits by which answers are counted: see `lua/common/hits.lua`."""

_NANODOLLARS = 1e9  # in a dollar


@dataclass(frozen=True, slots=True)
class LatencyHistogram:
    """Latencies of requests: their number in each bucket of `BUCKETS_MS`, and their sum."""

    buckets: tuple[int, ...]
    microseconds: int

    @property
    def count(self) -> int:
        """Number of requests."""
        return sum(self.buckets)

    @property
    def mean_ms(self) -> float | None:
        """Mean in milliseconds."""
        count = self.count
        return self.microseconds / 1e3 / count if count else None

    def percentile_ms(self, share: float) -> float | None:
        """Estimate a percentile in milliseconds, interpolated linearly within its bucket.

        A request beyond the last bound counts as that bound.
        """
        count = self.count
        if not count:
            return None
        rank, lower = share * count, 0
        for upper, number in zip(BUCKETS_MS, self.buckets, strict=False):
            if number and rank <= number:
                return lower + (upper - lower) * rank / number
            rank, lower = rank - number, upper
        return float(lower)


@dataclass(frozen=True, slots=True)
class PeriodStats:
    """Statistics of a period: a day, several days, or all time. Money is in US dollars."""

    counts: Mapping[str, int]

    def __getitem__(self, name: str) -> int:
        """Return a counter by its name."""
        return self.counts.get(name, 0)

    @property
    def requests(self) -> int:
        """Requests that were looked up in the cache, or bypassed it with `no_cache`."""
        return sum(map(self.__getitem__, ("l1_hits", "l1_misses", "no_cache", "shared_lookups")))

    @property
    def outcomes(self) -> dict[str, int]:
        """Requests by outcome. `other` are in progress, or lost Redis before they ended."""
        known = {outcome: self[f"outcome_{outcome}"] for outcome in OUTCOMES}
        known["exact"] = self["l1_hits"]
        return known | {"other": max(0, self.requests - sum(known.values()))}

    @property
    def exact_hits(self) -> int:
        """Answers to the same question, cached or generated meanwhile for another request."""
        return self["l1_hits"] + self["outcome_coalesced"]

    @property
    def answers_avoided(self) -> int:
        """Requests that needed no generated answer."""
        return self.exact_hits + self["outcome_semantic"]

    @property
    def answers_generated(self) -> int:
        """Answers that the language model generated."""
        return sum(self[f"outcome_{outcome}"] for outcome in GENERATED)

    @property
    def answer_hit_rate(self) -> float | None:
        """Share of requests that needed no generated answer."""
        return self.answers_avoided / self.requests if self.requests else None

    @property
    def combined_hit_rate(self) -> float | None:
        """Share of requests for which any tier saved a step: answer, search or embedding."""
        hits = self.answers_avoided + self["outcome_l3"] + self["outcome_l2"]
        return hits / self.requests if self.requests else None

    @property
    def cost_spent(self) -> float:
        """Cost of answers, rewrites, verifier calls and judged matches, also in the background."""
        return self["spent_nanodollars"] / _NANODOLLARS

    @property
    def cost_saved(self) -> float:
        """What the avoided answers had cost when they were generated, without that of warming.

        Negative if more was spent on warming than requests have saved.
        """
        return self["saved_nanodollars"] / _NANODOLLARS - self.warming_cost

    @property
    def warming_cost(self) -> float:
        """Cost of the answers that were generated in the background."""
        return self["warming_nanodollars"] / _NANODOLLARS

    @property
    def warming_saved(self) -> float:
        """What the answers had cost that were generated in the background and used."""
        return self["warmed_saved_nanodollars"] / _NANODOLLARS

    @property
    def mean_lag_ms(self) -> float | None:
        """Mean milliseconds from a note change to its acknowledgement."""
        number = self["note_change_lags"]
        return self["note_change_lag_ms"] / number if number else None

    @property
    def wrong_matches(self) -> Interval:
        """95 % interval of the share of semantic hits that are wrong, by those that were judged."""
        judged = max(0, self["matches_judged"])  # a foreign counter may be negative
        return clopper_pearson(max(0, min(self["matches_judged_wrong"], judged)), judged)

    @property
    def hours(self) -> list[tuple[int, int]]:
        """Requests that ended in each hour of the day (UTC): without a generated answer, others."""
        return [
            (self[hour_name(hour, reused=True)], self[hour_name(hour, reused=False)])
            for hour in range(24)
        ]

    def latency(self, *outcomes: str) -> LatencyHistogram:
        """Return the latencies of requests with any of these outcomes."""
        get = self.counts.get
        histograms = (map(get, bucket_names(outcome), repeat(0)) for outcome in outcomes)
        buckets = tuple(map(sum, zip(*histograms, strict=True)))
        return LatencyHistogram(buckets, sum(self[f"{outcome}_us"] for outcome in outcomes))


@dataclass(frozen=True, slots=True)
class EntryCounts:
    """Numbers of unexpired entries; an entry counts until the end of the hour in which it expires.

    Each answer has a context. Entries that Redis evicted count until they would have expired.
    `answers_by_hits` are the numbers of answers for each of `HITS`.
    """

    answers: int
    contexts: int
    embeddings: int
    answers_by_hits: tuple[int, ...] = (0,) * len(HITS)


@dataclass(frozen=True, slots=True)
class StatsSnapshot:
    """Statistics of all time and of each of the last days, the entries and the memory now.

    `memory_bytes` is None if the server does not report it; `memory_limit_bytes` also if there is
    no limit. `raised_threshold` is 0 if the threshold of semantic matches is not raised.
    """

    total: PeriodStats
    days: "Mapping[date, PeriodStats]"
    entries: EntryCounts
    memory_bytes: int | None
    memory_limit_bytes: int | None
    raised_threshold: float = 0.0

    def between(self, first: "date", last: "date") -> "StatsSnapshot":
        """Return it with only the days from `first` to `last`."""
        days = {day: stats for day, stats in self.days.items() if first <= day <= last}
        return replace(self, days=days)

    @property
    def window(self) -> PeriodStats:
        """All the days together."""
        counts: Counter[str] = Counter()
        for day in self.days.values():
            counts.update(day.counts)
        return PeriodStats(counts)
