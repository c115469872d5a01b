"""What the cache did and what it saved, in plain figures.

The counters count these, each question once: `l1_hits`, `l1_misses`, `no_cache`, and `coalesced`,
for which another question's look-up was made that hit nothing; what became of it, `outcome_l3`,
`outcome_l2` and `outcome_none` by the deepest tier that saved something, `outcome_coalesced` and
`outcome_semantic`; and the rest as it is named.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

from shared.cache.counters import BOUNDS_MS, DEFERRED_OUTCOMES, OUTCOMES, bucket, former_last

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from shared.cache.counter_reader import CounterReader, EntryCounts

_NANODOLLARS = 1e9  # in a dollar
_FORMER_TIME_OUT_MS = 30_000


@dataclass(frozen=True, slots=True)
class Latency:
    """How long requests of one outcome took: how many in each bucket, and all together."""

    buckets: tuple[int, ...]
    microseconds: int

    @property
    def count(self) -> int:
        """How many requests."""
        return sum(self.buckets)

    @property
    def mean_ms(self) -> float | None:
        """Milliseconds on average."""
        return self.microseconds / 1e3 / self.count if self.count else None

    def cumulative(self) -> "Iterator[tuple[str, int]]":
        """Give each bucket's bound in seconds and how many requests took no longer."""
        bounds = [*(str(bound / 1e3) for bound in BOUNDS_MS), "+Inf"]
        return zip(bounds, accumulate(self.buckets), strict=True)

    def percentile_ms(self, share: float) -> float | None:
        """Milliseconds that this share of the requests did not exceed, as near as buckets tell.

        Within a bucket they count as spread evenly; what is beyond the last bound counts as it.
        """
        if not self.count:
            return None
        rank, low = share * self.count, 0
        for bound, here in zip(BOUNDS_MS, self.buckets, strict=False):
            if here and rank <= here:
                return low + (bound - low) * rank / here
            rank, low = rank - here, bound
        return float(low)


@dataclass(frozen=True)
class PeriodStats:
    """What happened in some time: a day, or since counting began.

    Money is in US dollars: `spent` on the answers that were written, `saved` what the answers
    that were not had cost when they were.
    """

    counts: "Mapping[str, int]"

    def __getitem__(self, name: str) -> int:
        """Give a counter by its name."""
        return self.counts.get(name, 0)

    @property
    def requests(self) -> int:
        """Questions that came with the cache there."""
        return sum(self[each] for each in ("l1_hits", "l1_misses", "no_cache", "shared_lookups"))

    @property
    def exact(self) -> int:
        """Answers avoided by the same question, whether it was cached or just being answered."""
        return self["l1_hits"] + self["outcome_coalesced"]

    @property
    def avoided(self) -> int:
        """Answers avoided in all."""
        return self.exact + self["outcome_semantic"]

    @property
    def generated(self) -> int:
        """Answers written."""
        return sum(self[f"outcome_{tier}"] for tier in ("l3", "l2", "none"))

    @property
    def served(self) -> dict[str, int]:
        """Each question by its outcome, and the `other` ones: together `requests`.

        The others are under way, or were answered though the cache was lost meanwhile.
        """
        known = {
            "exact": self["l1_hits"],
            "coalesced": self["outcome_coalesced"],
            "semantic": self["outcome_semantic"],
            **{tier: self[f"outcome_{tier}"] for tier in ("l3", "l2", "none")},
            **{each: self[f"outcome_{each}"] for each in DEFERRED_OUTCOMES},
        }
        return known | {"other": max(0, self.requests - sum(known.values()))}

    @property
    def answers_avoided(self) -> float | None:
        """The share of questions whose answer was not written anew."""
        return self._share(self.avoided)

    @property
    def any_tier(self) -> float | None:
        """The share of questions that any tier saved something, if only an embedding."""
        return self._share(self.avoided + self["outcome_l3"] + self["outcome_l2"])

    @property
    def spent(self) -> float:
        """What the answers written cost."""
        return self["spent_nanodollars"] / _NANODOLLARS

    @property
    def saved(self) -> float:
        """What the answers avoided would have cost."""
        return self["saved_nanodollars"] / _NANODOLLARS

    @property
    def lag_ms(self) -> float | None:
        """Milliseconds from a note's change to its acknowledgement, on average."""
        return self["note_change_lag_ms"] / self.lagged if self.lagged else None

    @property
    def lagged(self) -> int:
        """Note changes whose lag counts: not those of more than a week ago, told once more."""
        return self["note_changes"] - self["replayed"]

    @cached_property
    def latency(self) -> dict[str, Latency]:
        """How long requests took, by `OUTCOMES`."""
        return {each: Latency(self._buckets(each), self[f"{each}_us"]) for each in OUTCOMES}

    def latency_of(self, *outcomes: str) -> Latency:
        """How long requests of these outcomes took, taken together."""
        chosen = [self.latency[outcome] for outcome in outcomes]
        buckets = zip(*(latency.buckets for latency in chosen), strict=True)
        return Latency(tuple(map(sum, buckets)), sum(each.microseconds for each in chosen))

    def _buckets(self, outcome: str) -> tuple[int, ...]:
        counts = [self[bucket(outcome, number)] for number in range(len(BOUNDS_MS) + 1)]
        # Days of before had one bucket for all that; hardly any of it took longer than time-outs.
        counts[BOUNDS_MS.index(_FORMER_TIME_OUT_MS)] += self[former_last(outcome)]
        return tuple(counts)

    def _share(self, part: int) -> float | None:
        return part / self.requests if self.requests else None


@dataclass(frozen=True, slots=True)
class StatsSnapshot:
    """What happened on each of the last days and since counting began, and what is there now.

    `memory_bytes` is what Redis uses, `memory_limit_bytes` what it may use; None where it does
    not tell, or where there is no limit.
    """

    total: PeriodStats
    days: "Mapping[date, PeriodStats]"
    entries: "EntryCounts"
    memory_bytes: int | None
    memory_limit_bytes: int | None

    @property
    def window(self) -> PeriodStats:
        """What happened on all these days together."""
        counts: Counter[str] = Counter()
        for tally in self.days.values():
            counts.update(tally.counts)
        return PeriodStats(counts)


async def read_statistics(counter_reader: "CounterReader", *, days: int = 1) -> StatsSnapshot:
    """Read the statistics of the last `days` days (UTC), today included.

    Raises:
        CacheUnavailableError: Redis is away.
    """
    book, memory = await asyncio.gather(
        counter_reader.read_counters(days), counter_reader.memory_usage()
    )
    return StatsSnapshot(
        total=PeriodStats(book.total),
        days={day: PeriodStats(counts) for day, counts in book.days.items()},
        entries=book.entries,
        memory_bytes=memory[0] if memory else None,
        memory_limit_bytes=memory[1] or None if memory else None,
    )
