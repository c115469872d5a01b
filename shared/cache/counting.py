"""Counting what happens, in round trips that are made anyway."""

from datetime import UTC, datetime

from shared.cache import keyspace

TTL = 90 * 86_400
"""Seconds that a day's counters are kept."""


def today(partition: int) -> str:
    """Where a partition counts now."""
    return keyspace.counters(partition, datetime.now(UTC).date().isoformat())


class Counts:
    """Events that wait for the next script that counts."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self._events: dict[str, int] = {}

    def add(self, **events: int) -> None:
        """Count each event so many times."""
        for name, times in events.items():
            self._events[name] = self._events.get(name, 0) + times

    def take(self) -> list[str | int]:
        """Give name, number, name, number … for a script, and begin anew."""
        events, self._events = self._events, {}
        return [part for name, times in events.items() if times for part in (name, times)]
