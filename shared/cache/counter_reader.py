"""Reads the counters of all partitions and sums them."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from shared.cache import counters, keyspace
from shared.cache.parse_replies import hash_items
from shared.cache.redis.commands import Command, Script
from shared.cache.stats_snapshot import EntryCounts, PeriodStats, StatsSnapshot
from shared.errors import CacheUnavailableError

if TYPE_CHECKING:
    from shared.cache.raised_threshold import RaisedThreshold
    from shared.cache.redis.client import RedisClient

_PARTITIONS = range(keyspace.PARTITIONS)
_COUNT_ENTRIES = Script("count_entries")
_DAYS_PER_ROUND_TRIP = 10
_END_OF_COUNTERS = 10**18  # as in lua/repair_types.lua
_CLOCK_SKEW = timedelta(hours=1)
"""How long after its end a day may still be counted in."""


class CounterReader:
    """Reads statistics from Redis. Finished days do not change, so it remembers them."""

    def __init__(
        self, redis_client: "RedisClient", threshold: "RaisedThreshold | None" = None
    ) -> None:
        """Read with this client; also a raised threshold, if it is given."""
        self._redis_client = redis_client
        self._threshold = threshold
        self._finished: dict[date, PeriodStats] = {}

    async def read_snapshot(self, days: int = 0, *, now: datetime | None = None) -> StatsSnapshot:
        """Read the statistics of all time, and of each of the last days.

        It takes one round trip, and another one for each ten days that it reads for the first time.

        Args:
            days: number of days (UTC), including today.
            now: the current time, for tests.

        Raises:
            CacheUnavailableError: Redis is unavailable.
        """
        now = now or datetime.now(UTC)
        first_unfinished = (now - _CLOCK_SKEW).date()
        wanted = [now.date() - timedelta(back) for back in range(days - 1, -1, -1)]
        unfinished = [day for day in wanted if day >= first_unfinished]
        new = [day for day in wanted if day < first_unfinished and day not in self._finished]
        hour = int(now.timestamp()) // 3_600
        threshold = self._threshold.commands() if self._threshold else []
        replies, memory = await asyncio.gather(
            self._redis_client.execute(
                *(Command.of("HGETALL", keyspace.counters_key(each)) for each in _PARTITIONS),
                *(_COUNT_ENTRIES.call(counters.counter_keys(each), hour) for each in _PARTITIONS),
                *_read_days(unfinished),
                *threshold,
            ),
            self._memory_usage(),
        )
        reply = iter(replies)
        total = _sum(islice(reply, keyspace.PARTITIONS))
        entries = zip(*islice(reply, keyspace.PARTITIONS), strict=True)
        answers, contexts, embeddings, *hit_answers = map(sum, entries)
        known = {day: _sum(islice(reply, keyspace.PARTITIONS)) for day in unfinished}
        if self._threshold:
            self._threshold.receive(list(reply))
        for start in range(0, len(new), _DAYS_PER_ROUND_TRIP):
            batch = new[start : start + _DAYS_PER_ROUND_TRIP]
            reply = iter(await self._redis_client.execute(*_read_days(batch)))
            self._finished |= {day: _sum(islice(reply, keyspace.PARTITIONS)) for day in batch}
        known |= self._finished
        return StatsSnapshot(
            total=total,
            days={day: known[day] for day in wanted},
            entries=EntryCounts(
                answers,
                answers + contexts,
                embeddings,
                (max(0, answers - sum(hit_answers)), *hit_answers),
            ),
            memory_bytes=memory[0] if memory else None,
            memory_limit_bytes=memory[1] or None if memory else None,
            raised_threshold=self._threshold.value if self._threshold else 0.0,
        )

    async def _memory_usage(self) -> tuple[int, int] | None:
        try:
            return await self._redis_client.memory_usage()
        except CacheUnavailableError:
            return None


def _read_days(days: Iterable[date]) -> Iterator[Command]:
    for day in days:
        for partition in _PARTITIONS:
            yield Command.of("HGETALL", keyspace.counters_key(partition, day.isoformat()))


def _sum(hashes: Iterable[dict[bytes, bytes] | list[bytes]]) -> PeriodStats:
    """Sum the counters of replies to HGETALL by name."""
    values: defaultdict[bytes, list[bytes]] = defaultdict(list)
    for each in hashes:
        for name, value in hash_items(each):
            values[name].append(value)
    totals = {name.decode("ascii", "replace"): _add(each) for name, each in values.items()}
    return PeriodStats(Counter(totals))


def _add(values: list[bytes]) -> int:
    """Return the sum of a counter's values. A foreign value that is no counter counts as 0."""
    try:
        total = sum(map(int, values))
    except ValueError:
        return sum(map(_parse, values))
    return total if abs(total) < _END_OF_COUNTERS else sum(map(_parse, values))


def _parse(value: bytes) -> int:
    try:
        number = int(value)
    except ValueError:
        return 0
    return number if abs(number) < _END_OF_COUNTERS else 0
