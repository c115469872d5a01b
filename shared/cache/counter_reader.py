"""Reads the counters of all partitions and sums them.

The counters of a finished day do not change any more. The first read after a day ends stores the
day's sums, and the sums of all days up to it. So a read takes the same time however many days are
stored, and totals never shrink if the counters are read at least once in 90 days.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.cache import codec, counters, keyspace
from shared.cache.redis.commands import Command, Script
from shared.cache.stats_snapshot import EntryCounts, PeriodStats, StatsSnapshot
from shared.errors import CacheUnavailableError

if TYPE_CHECKING:
    from shared.cache.redis.client import RedisClient

_PARTITIONS = range(keyspace.PARTITIONS)
_COUNT_ENTRIES = Script("count_entries")
_STORED_DAYS = counters.TTL // 86_400
_DAYS_PER_ROUND_TRIP = 10
_MAX_DIGITS = 18  # of a counter: see lua/repair_types.lua
_CLOCK_SKEW = timedelta(hours=1)
"""How long after its end a day may still be counted in."""


class _DayTotals(NamedTuple):
    """Sums over all partitions: of one finished day, and of all days up to it."""

    day: Counter[str]
    until: Counter[str]


class CounterReader:
    """Reads statistics from Redis."""

    def __init__(self, redis_client: "RedisClient") -> None:
        """Read with this client."""
        self._redis_client = redis_client

    async def read_snapshot(self, days: int = 1, *, now: datetime | None = None) -> StatsSnapshot:
        """Read the statistics of all time and of the last days.

        It takes one round trip, and up to thirteen more once a day.

        Args:
            days: number of days (UTC), including today.
            now: the current time, for tests.

        Raises:
            CacheUnavailableError: Redis is unavailable.
        """
        now = now or datetime.now(UTC)
        closed = (now - _CLOCK_SKEW).date() - timedelta(1)
        wanted = _days_until(now.date(), days)
        current = _days_until(now.date(), (now.date() - closed).days)
        finished = sorted({closed, *(day for day in wanted if day <= closed)})
        hour = int(now.timestamp()) // 3_600
        replies, memory = await asyncio.gather(
            self._redis_client.execute(
                *_read_counters(current),
                *(_COUNT_ENTRIES.call([keyspace.entry_counts(p)], hour) for p in _PARTITIONS),
                *map(_read_totals, finished),
            ),
            self._memory_usage(),
        )
        reply = iter(replies)
        sums = {day: _sum(islice(reply, keyspace.PARTITIONS)) for day in current}
        answers, contexts, embeddings = map(
            sum, zip(*islice(reply, keyspace.PARTITIONS), strict=True)
        )
        totals = {day: _decode(next(reply)) for day in finished}
        known = {day: total for day, total in totals.items() if total}
        if len(known) < len(finished):
            known = await self._close_days(closed)
        total = sum(sums.values(), known[closed].until)
        sums |= {day: totals.day for day, totals in known.items()}
        return StatsSnapshot(
            total=PeriodStats(total),
            days={day: PeriodStats(sums[day]) for day in wanted},
            entries=EntryCounts(answers, answers + contexts, embeddings),
            memory_bytes=memory[0] if memory else None,
            memory_limit_bytes=memory[1] or None if memory else None,
        )

    async def _memory_usage(self) -> tuple[int, int] | None:
        try:
            return await self._redis_client.memory_usage()
        except CacheUnavailableError:
            return None

    async def _close_days(self, last: date) -> dict[date, _DayTotals]:
        """Return the totals of all finished days. Store those that are missing."""
        execute = self._redis_client.execute
        days = _days_until(last, _STORED_DAYS)
        stored = dict(zip(days, map(_decode, await execute(*map(_read_totals, days))), strict=True))
        missing = [day for day in days if not stored[day]]
        sums: dict[date, Counter[str]] = {}
        for start in range(0, len(missing), _DAYS_PER_ROUND_TRIP):
            batch = missing[start : start + _DAYS_PER_ROUND_TRIP]
            reply = iter(await execute(*_read_counters(batch)))
            sums |= {day: _sum(islice(reply, keyspace.PARTITIONS)) for day in batch}
        totals: dict[date, _DayTotals] = {}
        until: Counter[str] = Counter()
        for day in days:
            totals[day] = stored[day] or _DayTotals(sums[day], until + sums[day])
            until = totals[day].until
        # Concurrent readers store the same values. If Redis is full, the next read tries again.
        with suppress(CacheUnavailableError):
            await execute(*(_store_totals(day, totals[day]) for day in missing))
        return totals


def _days_until(last: date, number: int) -> list[date]:
    return [last - timedelta(back) for back in range(number - 1, -1, -1)]


def _read_counters(days: Iterable[date]) -> Iterator[Command]:
    for day in days:
        for partition in _PARTITIONS:
            yield Command.of("HGETALL", keyspace.counters(partition, day.isoformat()))


def _read_totals(day: date) -> Command:
    return Command.of("GET", keyspace.totals(day.isoformat()))


def _store_totals(day: date, totals: _DayTotals) -> Command:
    value = codec.pack(dict(totals.day), dict(totals.until))
    return Command.of("SET", keyspace.totals(day.isoformat()), value, "NX", "EX", counters.TTL)


def _sum(hashes: Iterable[Mapping[bytes, bytes]]) -> Counter[str]:
    """Sum counters by name. A foreign value that is no counter counts as 0."""
    total: dict[bytes, int] = {}
    for counts in hashes:
        for name, digits in counts.items():
            try:
                number = int(digits) if len(digits) <= _MAX_DIGITS else 0
            except ValueError:
                continue
            total[name] = total.get(name, 0) + number
    return Counter({name.decode("ascii", "replace"): number for name, number in total.items()})


def _decode(data: bytes | None) -> _DayTotals | None:
    """Decode the totals of a day; None if there are none, or a foreign value."""
    values: list[Any] | None = codec.unpack(data, dict, dict) if data else None
    if not values or not all(map(_are_counters, values)):
        return None
    return _DayTotals(*map(Counter, values))


def _are_counters(value: Mapping[object, object]) -> bool:
    return all(isinstance(name, str) and type(number) is int for name, number in value.items())
