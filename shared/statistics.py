"""What the cache did and what it saved, in plain figures.

The counters count these, each question once: `l1_hits`, `l1_misses`, `bypassed`, and `coalesced`,
for which another question's look-up was made that hit nothing; what became of it, `generated_l3`,
`generated_l2` and `generated_none` by the deepest tier that saved something, `flights_joined` and
`semantic_hits`; and the rest as it is named.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

from shared.cache.counters import APART, BOUNDS_MS, WAYS, bucket, former_last

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from shared.cache.counter_reader import CounterReader, Live

_NANODOLLARS = 1e9  # in a dollar
_FORMER_TIME_OUT_MS = 30_000


@dataclass(frozen=True, slots=True)
class Latency:
    """How long requests of one way took: how many in each bucket, and all together."""

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
class Tally:
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
        return sum(self[each] for each in ("l1_hits", "l1_misses", "bypassed", "coalesced"))

    @property
    def exact(self) -> int:
        """Answers avoided by the same question, whether it was cached or just being answered."""
        return self["l1_hits"] + self["flights_joined"]

    @property
    def avoided(self) -> int:
        """Answers avoided in all."""
        return self.exact + self["semantic_hits"]

    @property
    def generated(self) -> int:
        """Answers written."""
        return sum(self[f"generated_{tier}"] for tier in ("l3", "l2", "none"))

    @property
    def served(self) -> dict[str, int]:
        """What became of each question, by `WAYS`, and of the `other` ones: together `requests`.

        The others are under way, or were answered though the cache was lost meanwhile.
        """
        known = {
            "exact": self["l1_hits"],
            "joined": self["flights_joined"],
            "semantic": self["semantic_hits"],
            **{tier: self[f"generated_{tier}"] for tier in ("l3", "l2", "none")},
            **{way: self[f"ended_{way}"] for way in WAYS if way in APART},
        }
        return known | {"other": max(0, self.requests - sum(known.values()))}

    @property
    def answers_avoided(self) -> float | None:
        """The share of questions whose answer was not written anew."""
        return self._share(self.avoided)

    @property
    def any_tier(self) -> float | None:
        """The share of questions that any tier saved something, if only an embedding."""
        return self._share(self.avoided + self["generated_l3"] + self["generated_l2"])

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
        return self["lag_ms"] / self.lagged if self.lagged else None

    @property
    def lagged(self) -> int:
        """Note changes whose lag counts: not those of more than a week ago, told once more."""
        return self["invalidations"] - self["replayed"]

    @cached_property
    def latency(self) -> dict[str, Latency]:
        """How long requests took, by `WAYS`."""
        return {way: Latency(self._buckets(way), self[f"{way}_us"]) for way in WAYS}

    def latency_of(self, *ways: str) -> Latency:
        """How long requests of these ways took, taken together."""
        chosen = [self.latency[way] for way in ways]
        buckets = zip(*(latency.buckets for latency in chosen), strict=True)
        return Latency(tuple(map(sum, buckets)), sum(each.microseconds for each in chosen))

    def _buckets(self, way: str) -> tuple[int, ...]:
        counts = [self[bucket(way, number)] for number in range(len(BOUNDS_MS) + 1)]
        # Days of before had one bucket for all that; hardly any of it took longer than time-outs.
        counts[BOUNDS_MS.index(_FORMER_TIME_OUT_MS)] += self[former_last(way)]
        return tuple(counts)

    def _share(self, part: int) -> float | None:
        return part / self.requests if self.requests else None


@dataclass(frozen=True, slots=True)
class Statistics:
    """What happened on each of the last days and since counting began, and what is there now.

    `memory_bytes` is what Redis uses, `memory_limit_bytes` what it may use; None where it does
    not tell, or where there is no limit.
    """

    total: Tally
    days: "Mapping[date, Tally]"
    live: "Live"
    memory_bytes: int | None
    memory_limit_bytes: int | None

    @property
    def window(self) -> Tally:
        """What happened on all these days together."""
        counts: Counter[str] = Counter()
        for tally in self.days.values():
            counts.update(tally.counts)
        return Tally(counts)


async def read(counter_reader: "CounterReader", *, days: int = 1) -> Statistics:
    """Read the statistics of the last `days` days (UTC), today included.

    Raises:
        CacheUnavailableError: Redis is away.
    """
    book, memory = await asyncio.gather(counter_reader.read(days), counter_reader.memory_usage())
    return Statistics(
        total=Tally(book.total),
        days={day: Tally(counts) for day, counts in book.days.items()},
        live=book.live,
        memory_bytes=memory[0] if memory else None,
        memory_limit_bytes=memory[1] or None if memory else None,
    )
