"""The day in a time zone, and names of time zones."""

import zoneinfo
from datetime import UTC, date, datetime

import pytest

from shared.errors import ConfigurationError
from shared.local_day import Day, load_time_zone
from shared.settings import Settings
from tests.support.clock import Clock


@pytest.mark.parametrize(
    ("zone", "now", "day", "ends"),
    [
        ("UTC", "2026-11-23T23:59:59", "2026-11-23", "2026-11-24T00:00:00"),
        ("UTC", "2026-11-24T00:00:00", "2026-11-24", "2026-11-25T00:00:00"),
        ("Europe/Berlin", "2026-11-23T23:00:00", "2026-11-24", "2026-11-24T23:00:00"),
        ("Pacific/Auckland", "2026-11-23T12:00:00", "2026-11-24", "2026-11-24T11:00:00"),
        # A day of 25 hours, and one of 23.
        ("America/New_York", "2026-11-01T04:00:00", "2026-11-01", "2026-11-02T05:00:00"),
        ("Europe/Berlin", "2026-03-29T05:00:00", "2026-03-29", "2026-03-29T22:00:00"),
        # Days that begin at one o'clock, and a date that did not exist.
        ("America/Santiago", "2026-09-05T12:00:00", "2026-09-05", "2026-09-06T04:00:00"),
        ("Pacific/Apia", "2011-12-30T09:00:00", "2011-12-29", "2011-12-30T10:00:00"),
    ],
)
def test_day_ends_at_midnight_of_its_time_zone(
    clock: Clock, zone: str, now: str, day: str, ends: str
) -> None:
    clock.set(datetime.fromisoformat(now).replace(tzinfo=UTC).timestamp())
    end = datetime.fromisoformat(ends).replace(tzinfo=UTC).timestamp()
    assert Day.now(load_time_zone(zone)) == Day(date.fromisoformat(day), int(end))


@pytest.mark.parametrize(
    "name",
    ["Mars/Olympus", "europe/berlin", "+02:00", "Europe", "/etc/passwd", "../UTC", "a" * 999],
)
def test_unknown_time_zone_is_an_error_at_start(name: str) -> None:
    with pytest.raises(ConfigurationError, match="TIME_ZONE must be an IANA time zone such as"):
        Settings.from_env({"TIME_ZONE": name})


def test_utc_needs_no_database_and_other_time_zones_say_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def find_nothing(name: str) -> zoneinfo.ZoneInfo:
        raise zoneinfo.ZoneInfoNotFoundError(name)

    monkeypatch.setattr(zoneinfo, "ZoneInfo", find_nothing)
    monkeypatch.setattr(zoneinfo, "available_timezones", set)
    assert load_time_zone("UTC") is UTC
    with pytest.raises(ConfigurationError, match="no time zone database: install the package"):
        load_time_zone("Europe/Berlin")
