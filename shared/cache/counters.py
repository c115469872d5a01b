"""Counting what happens, in round trips that are made anyway.

Most is counted by the script that does it, at the same moment. What only the container knows
travels with that request's next script; what is known when the request is over, its time above
all, and whoever was told of it without asking Redis, waits in the container for the next request's
first one. A container that closes writes what still waits; one that is killed loses it.

A script whose reply was lost may have counted; its events are counted once more then, for
an outage would hide them otherwise.
"""

from bisect import bisect_left
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from shared.cache import keyspace
from shared.cache.redis.commands import Command
from shared.errors import CacheUnavailableError

if TYPE_CHECKING:
    from shared.cache.redis.client import RedisClient

TTL = 90 * 86_400
"""Seconds that a day's counters are kept."""

HOUR = 3_600
BOUNDS_MS = (
    *(1, 2, 5, 10, 20, 50, 100, 200, 500),
    *(1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 120_000),
)
"""Upper bounds of the histograms' buckets; the last bucket has none. A local model may take two
minutes."""

OUTCOMES = (
    *("exact", "coalesced", "semantic", "l3", "l2", "none"),
    *("stale", "extractive", "no_notes", "failed"),
)
"""How a request was served: from the cache as it stands; by waiting for the same question; by
another wording's answer; by an answer written with a search saved (l3), an embedding saved (l2)
or nothing saved; while a model is left alone, by an answer whose time is up or by a quotation from
the notes; without notes to answer from; or not at all."""

DEFERRED_OUTCOMES = frozenset({"stale", "extractive", "no_notes", "failed"})
"""Outcomes that are counted when the request ends; scripts count all others."""


def today(partition: int) -> str:
    """Where a partition counts now."""
    return keyspace.counters(partition, datetime.now(UTC).date().isoformat())


def bucket(outcome: str, number: int) -> str:
    """Name a bucket of an outcome's histogram."""
    bound = BOUNDS_MS[number] if number < len(BOUNDS_MS) else "beyond"
    return f"{outcome}_ms_{bound}"


def former_last(outcome: str) -> str:
    """Name what once was the last bucket, of what took longer than ten seconds."""
    return f"{outcome}_ms_more"


def latency(outcome: str, seconds: float) -> dict[str, int]:
    """Say that one request was served this outcome in this time."""
    number = bisect_left(BOUNDS_MS, seconds * 1e3)
    return {bucket(outcome, number): 1, f"{outcome}_us": round(seconds * 1e6)}


def followed(outcome: str, nanodollars: int) -> dict[str, int]:
    """Say that a question was served by another one's look-up: the same, at the same moment.

    Where that was a hit this is one, too. Of a tier that was not looked into it is no miss.
    """
    if outcome == "exact":
        return {"l1_hits": 1, "saved_nanodollars": nanodollars}
    if outcome == "coalesced":
        return {"shared_lookups": 1, "outcome_coalesced": 1, "saved_nanodollars": nanodollars}
    return {"shared_lookups": 1}


class PendingCounters:
    """Events that wait for the next script that counts."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self._events: dict[str, int] = {}
        self._sent: dict[str, int] = {}

    def add(self, **events: int) -> None:
        """Count each event so many times."""
        for name, times in events.items():
            self._events[name] = self._events.get(name, 0) + times

    def take(self) -> list[str | int]:
        """Give name, number, name, number … for a script, and begin anew."""
        self._sent, self._events = self._events, {}
        return [part for name, times in self._sent.items() if times for part in (name, times)]

    def settle(self) -> None:
        """What was taken has been counted."""
        self._sent = {}

    def take_back(self) -> None:
        """What was taken may not have been counted."""
        sent, self._sent = self._sent, {}
        self.add(**sent)

    def pour(self, into: "PendingCounters") -> None:
        """Let another have all that waits here."""
        if self._events:
            events, self._events = self._events, {}
            into.add(**events)

    async def flush(self, redis_client: "RedisClient") -> None:
        """Count what waits, in a round trip of its own, where Redis is there."""
        key, pairs = today(0), self.take()
        if not pairs:
            return
        counting = [
            Command.of("HINCRBY", key, name, times)
            for name, times in zip(pairs[::2], pairs[1::2], strict=True)
        ]
        try:
            await redis_client.execute(*counting, Command.of("EXPIRE", key, TTL))
        except CacheUnavailableError:
            self.take_back()
        else:
            self.settle()
