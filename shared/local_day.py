"""The present day in a time zone."""

import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Self

from shared.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Day:
    """A date, and the time of the next midnight in its time zone, in seconds since 1970."""

    date: date
    ends: int

    @classmethod
    def now(cls, zone: tzinfo) -> Self:
        """Return the present day in a time zone."""
        today = datetime.fromtimestamp(time.time(), zone).date()
        midnight = datetime.combine(today + timedelta(days=1), datetime.min.time(), zone)
        return cls(today, int(midnight.timestamp()))


def load_time_zone(name: str) -> tzinfo:
    """Return the time zone of an IANA name, such as `Europe/Berlin`.

    Raises:
        ConfigurationError: there is no such time zone, or no time zone database.
    """
    if name == "UTC":
        return UTC  # needs no database
    import zoneinfo  # noqa: PLC0415  # most deployments use UTC

    try:
        return zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        if not zoneinfo.available_timezones():
            raise ConfigurationError(
                f"TIME_ZONE is {name!r}, but this machine has no time zone database: install the"
                " package tzdata, of the system or from PyPI, or use UTC"
            ) from None
        raise ConfigurationError(
            f"TIME_ZONE must be an IANA time zone such as Europe/Berlin, not {name!r}"
        ) from None
