"""The counters of all partitions, read and summed.

A day that is over does not change any more: whoever reads first writes its sums down, with those
of all days before it. So reading costs the same however long the days are kept, and what adds up
over all days grows and never shrinks, as long as somebody reads at least once in 90 days.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

from shared.cache import codec, counters, index_entries, keyspace
from shared.cache.redis.client import RedisClient
from shared.cache.redis.commands import Command, Script
from shared.errors import CacheUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

Closed: TypeAlias = tuple[Counter[str], Counter[str]]
"""What happened on a day that is over, and on all days up to it."""

_PARTITIONS = range(keyspace.PARTITIONS)
_LIVE = Script("count_entries")
_KINDS = (index_entries.ANSWER, index_entries.CONTEXT, "e")
_DAYS = counters.TTL // 86_400
_ONCE = ("NX", "EX", counters.TTL)
_DIGITS = 18  # of a counter: see `lua/mend.lua`
_AT_ONCE = 10  # days read in one round trip
_GRACE = timedelta(hours=1)
"""How long after its end a day may still be counted in: clocks differ, replies get lost."""


@dataclass(frozen=True, slots=True)
class EntryCounts:
    """How many entries live, to the hour in which they end: answers, contexts and embeddings.

    A context belongs to every answer, and to some questions that have none. What Redis evicted,
    and what its asker found wrong, counts until it would have ended.
    """

    answers: int
    contexts: int
    embeddings: int


@dataclass(frozen=True, slots=True)
class CounterSnapshot:
    """What happened: on each day asked for, and since counting began; and what lives now."""

    days: Mapping[date, Counter[str]]
    total: Counter[str]
    entries: EntryCounts


class CounterReader:
    """Reads what is counted."""

    def __init__(self, redis_client: RedisClient) -> None:
        """Read from this cache."""
        self._redis_client = redis_client

    async def read_counters(self, days: int, *, now: datetime | None = None) -> CounterSnapshot:
        """Read the last days, today included (UTC): one round trip, and four more once a day.

        Raises:
            CacheUnavailableError: Redis is away.
        """
        now = now or datetime.now(UTC)
        last = _closed_until(now)
        asked = [now.date() - timedelta(number) for number in range(days - 1, -1, -1)]
        running = [last + timedelta(number + 1) for number in range((now.date() - last).days)]
        closed = sorted({day for day in asked if day <= last} | {last})
        replies = iter(
            await self._redis_client.execute(
                *_raw(running),
                *(_LIVE.call([keyspace.entry_counts(p)], _hour(now), *_KINDS) for p in _PARTITIONS),
                *map(_closed, closed),
            )
        )
        sums = _sums(running, replies)
        live = _live(islice(replies, keyspace.PARTITIONS))
        totals = {day: _decode(next(replies)) for day in closed}
        if None in totals.values():
            totals |= await self._close(last)
        before = totals[last]
        total = sum(sums.values(), before[1] if before else Counter())
        sums |= {day: known[0] for day, known in totals.items() if known}
        return CounterSnapshot(
            {day: sums[day] for day in asked},
            total,
            EntryCounts(live[0], live[0] + live[1], live[2]),
        )

    async def memory_usage(self) -> tuple[int, int] | None:
        """Give the bytes that Redis uses and may use (0: no limit); None where it does not tell."""
        try:
            return await self._redis_client.memory_usage()
        except CacheUnavailableError:
            return None

    async def _close(self, last: date) -> "dict[date, Closed | None]":
        """Write down the sums of days that are over, where nobody has; give all there are."""
        days = [last - timedelta(number) for number in range(_DAYS - 1, -1, -1)]
        known = map(_decode, await self._redis_client.execute(*map(_closed, days)))
        totals: dict[date, Closed | None] = dict(zip(days, known, strict=True))
        missing = [day for day in days if totals[day] is None]
        sums: dict[date, Counter[str]] = {}
        for first in range(0, len(missing), _AT_ONCE):
            batch = missing[first : first + _AT_ONCE]
            sums |= _sums(batch, iter(await self._redis_client.execute(*_raw(batch))))
        total: Counter[str] = Counter()
        for day in days:
            closed = totals[day] or (sums[day], total + sums[day])
            totals[day], total = closed, closed[1]
        # Others may be closing the same days, and come to the same sums. Where there is no room
        # for them, whoever reads next sums up again.
        with suppress(CacheUnavailableError):
            await self._redis_client.execute(
                *(Command.of("SET", _key(day), _encode(totals[day]), *_ONCE) for day in missing)
            )
        return totals


def _closed_until(now: datetime) -> date:
    return (now - _GRACE).date() - timedelta(1)


def _hour(now: datetime) -> int:
    return int(now.timestamp()) // counters.HOUR


def _raw(days: Sequence[date]) -> "Iterator[Command]":
    for day in days:
        for partition in _PARTITIONS:
            yield Command.of("HGETALL", keyspace.counters(partition, day.isoformat()))


def _sums(days: Sequence[date], replies: "Iterator[Any]") -> dict[date, Counter[str]]:
    return {day: _sum(islice(replies, keyspace.PARTITIONS)) for day in days}


def _sum(hashes: Iterable[Any]) -> Counter[str]:
    total: dict[Any, int] = {}
    known = total.get
    try:
        for counts in hashes:
            for name, text in counts.items():
                total[name] = known(name, 0) + _number(text)
        return Counter({name.decode("ascii", "replace"): sum_ for name, sum_ in total.items()})
    except (AttributeError, TypeError):  # no hash, or one of something else than bytes
        raise _garbled() from None


def _number(text: bytes) -> int:
    """Read a counter; what somebody else wrote there counts nothing."""
    try:
        return int(text) if len(text) <= _DIGITS else 0
    except ValueError:
        return 0


def _live(replies: Iterable[Any]) -> list[int]:
    """Sum what lives in each partition, kind by kind."""
    sums = [0] * len(_KINDS)
    for each in replies:
        whole = isinstance(each, list) and len(each) == len(_KINDS)
        if not (whole and all(isinstance(number, int) for number in each)):
            raise _garbled()
        sums = [one + other for one, other in zip(sums, each, strict=True)]
    return sums


def _garbled() -> CacheUnavailableError:
    return CacheUnavailableError("the cache garbled its counters")


def _key(day: date) -> str:
    return keyspace.totals(day.isoformat())


def _closed(day: date) -> Command:
    return Command.of("GET", _key(day))


def _encode(closed: "Closed | None") -> bytes:
    return codec.pack(*map(dict, closed or ()))


def _decode(data: object) -> "Closed | None":
    """Read the sums of a day; None where there are none, or none that make sense."""
    if data is not None and not isinstance(data, bytes):
        raise _garbled()
    values = codec.unpack(data, dict, dict) if data else None
    if values is None or not all(_counts(each) for each in values):
        return None
    return Counter(values[0]), Counter(values[1])


def _counts(value: "Mapping[object, object]") -> bool:
    return all(isinstance(name, str) and type(n) is int for name, n in value.items())
