"""Counters of requests and note changes.

Counters are incremented in round trips that are made anyway: most by the script that does the
counted work. What only the process knows, such as the duration of a request, waits for the next
script. A process that closes writes pending increments; a process that is killed loses them.

If the reply to a script is lost, its counters are sent again: counting twice is better than hiding
an outage.

A new counter takes one line: `session.counters.add(name=1)` in Python, or
`count('name', 1)` in a script. `PeriodStats` reads it by its name.
"""

import asyncio
import time
from bisect import bisect_left
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from shared.cache import index_entries, keyspace
from shared.cache.redis.commands import Command, Script
from shared.errors import CacheUnavailableError
from shared.reply import REUSED

if TYPE_CHECKING:
    from shared.cache.redis.budgeted_client import BudgetedClient
    from shared.cache.redis.client import RedisClient

_DAY_SECONDS, _HOUR_SECONDS = 86_400, 3_600
TTL = 90 * _DAY_SECONDS
"""Seconds that counters are stored after their last increment: as in `lua/common/counters.lua`."""

_COUNT = Script("count")

BUCKETS_MS = (
    *(1, 2, 5, 10, 20, 50, 100, 200, 500),
    *(1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 120_000),
)
"""Upper bounds of the latency buckets in milliseconds; a last bucket has no bound."""

DEFERRED_OUTCOMES = ("stale", "extractive", "no_notes", "failed")
"""Outcomes that are counted when the request ends. Scripts count all others."""

OUTCOMES = ("exact", "coalesced", "semantic", "l3", "l2", "none", *DEFERRED_OUTCOMES)
"""How a request ended.

    exact       cached answer to the same question
    coalesced   answer that another request generated meanwhile for the same question
    semantic    cached answer to an equivalent question
    l3, l2      generated answer; the search (l3) or only the embedding (l2) was cached
    none        generated answer; nothing was cached
    stale       cached answer past its TTL, because the model is down (RFC 5861)
    extractive  quotation from the notes, because the model is down
    no_notes    no answer: the user has no notes
    failed      no answer: an error
"""


def counter_keys(partition: int) -> tuple[str, str, str]:
    """Return the keys of a partition's entry counts, and of its counters of today and all time.

    A script that counts takes them as its last keys: see `lua/common/counters.lua`.
    """
    return _counter_keys(partition, int(time.time()) // _DAY_SECONDS)


@lru_cache(maxsize=2 * keyspace.PARTITIONS)
def _counter_keys(partition: int, day: int) -> tuple[str, str, str]:
    """Return the keys for a day, in days since 1970."""
    date = datetime.fromtimestamp(day * _DAY_SECONDS, UTC).date().isoformat()
    today = keyspace.counters_key(partition, date)
    return keyspace.entry_counts_key(partition), today, keyspace.counters_key(partition)


def count_command(partition: int, **increments: int) -> Command:
    """Return a command that increments counters."""
    return _COUNT.call(counter_keys(partition), *_pairs(increments))


@cache
def bucket_names(outcome: str) -> tuple[str, ...]:
    """Return the counters of an outcome's latency buckets, in the order of `BUCKETS_MS`."""
    return tuple(f"{outcome}_ms_{bound}" for bound in (*BUCKETS_MS, "inf"))


def hour_name(hour: int, *, reused: bool) -> str:
    """Return the counter of requests that ended in an hour of the day (UTC)."""
    return f"hour_{hour}_{'reused' if reused else 'other'}"


def latency_counters(outcome: str, seconds: float) -> dict[str, int]:
    """Return the increments for one request with this outcome and latency."""
    bucket = bucket_names(outcome)[bisect_left(BUCKETS_MS, seconds * 1e3)]
    return {bucket: 1, f"{outcome}_us": round(seconds * 1e6)}


def _pairs(increments: Mapping[str, int]) -> list[str | int]:
    return [part for item in increments.items() for part in item]


class PendingCounters:
    """A container's increments that wait for the next script that counts."""

    def __init__(self) -> None:
        """Start empty."""
        self._increments: dict[str, int] = {}

    def add(self, **increments: int) -> None:
        """Add increments, by counter."""
        for name, number in increments.items():
            if number:
                self._increments[name] = self._increments.get(name, 0) + number

    def take(self) -> dict[str, int]:
        """Remove and return all increments. The caller adds them again if they were not counted."""
        taken, self._increments = self._increments, {}
        return taken

    async def flush(self, redis_client: "RedisClient") -> None:
        """Write pending increments. They stay pending if Redis is unavailable."""
        if taken := self.take():
            try:
                await redis_client.execute(count_command(0, **taken))
            except CacheUnavailableError:
                self.add(**taken)


class RequestCounters:
    """Counters of one request, from its lookup to its outcome.

    `lookup_counted`: whether Redis has counted the request, by its own lookup or its leader's.
    """

    def __init__(self, redis: "BudgetedClient", pending: PendingCounters | None) -> None:
        """Start the request's clock. `pending` is shared by the requests of a container."""
        self.lookup_counted = False
        self._redis = redis
        # A request without Redis is not counted.
        self._pending = pending if pending and redis.redis_client else PendingCounters()
        self._sent: dict[str, int] = {}
        self._started = asyncio.get_running_loop().time()

    def add(self, **increments: int) -> None:
        """Count with the next script."""
        self._pending.add(**increments)

    def take(self) -> list[str | int]:
        """Return the arguments of a script that counts; `confirm` or `restore` must follow."""
        self._sent = self._pending.take()
        return _pairs(self._sent)

    def confirm(self) -> None:
        """Redis has counted what was taken."""
        self._sent = {}

    def restore(self) -> None:
        """Redis may not have counted what was taken: send it again."""
        self._pending.add(**self._sent)
        self._sent = {}

    def started_at(self, seconds: float) -> None:
        """Set when the request began, in the event loop's time, if it began before this object."""
        self._started = seconds

    def start(self, *, no_cache: bool) -> None:
        """Count the request, before its first script."""
        self.add(no_cache=int(no_cache), redis_outages=self._redis.take_open_count())

    def count_follower(self, leader: "RequestCounters | None", outcome: str, cost: float) -> None:
        """Count a request that got the result of another request, its leader.

        Args:
            leader: None if the leader had no result in time.
            outcome: this request's outcome.
            cost: US dollars that the answer cost, which this request saved.
        """
        available = self._redis.redis_client is not None
        self.lookup_counted = leader.lookup_counted if leader else available
        if not self.lookup_counted:
            return
        hit, coalesced = outcome == "exact", outcome == "coalesced"
        saved = index_entries.nanodollars(cost) if hit or coalesced else 0
        # Without a hit it is no miss either: this request has not looked into a tier.
        self.add(l1_hits=int(hit), shared_lookups=int(not hit), saved_nanodollars=saved)
        self.add(outcome_coalesced=int(coalesced))

    def count_coalesced(self, cost: float) -> None:
        """Count a request that waited for an answer of another one in this process.

        As lookup.lua counts one that reads the answer. `cost` is the answer's, in US dollars.
        """
        self.add(outcome_coalesced=1, saved_nanodollars=index_entries.nanodollars(cost))

    def record_outcome(self, outcome: str) -> None:
        """Count the outcome (see `OUTCOMES`) and its latency, with the container's next request."""
        if not self._redis.redis_client:
            return
        seconds = asyncio.get_running_loop().time() - self._started
        increments = latency_counters(outcome, seconds)
        increments["cache_unavailable"] = int(self._redis.status != "ok")
        if self.lookup_counted:
            hour = int(time.time()) % _DAY_SECONDS // _HOUR_SECONDS
            increments[hour_name(hour, reused=outcome in REUSED)] = 1
            if outcome in DEFERRED_OUTCOMES:
                increments[f"outcome_{outcome}"] = 1
        self.add(**increments)
