from __future__ import annotations

from datetime import UTC, date
from zoneinfo import ZoneInfo

from cleaner.ui import clock

BERLIN = ZoneInfo("Europe/Berlin")


def test_a_moment_is_told_in_the_zone_of_whoever_looks() -> None:
    assert clock.local("2026-01-31T23:30:00.000+00:00", BERLIN) == "2026-02-01 00:30"


def test_what_is_no_moment_stays_as_it_is() -> None:
    assert clock.local("yesterday", BERLIN) == "yesterday"


def test_a_day_is_as_long_as_its_clock_says() -> None:
    day = date(2026, 3, 29)  # the clocks go forward
    assert clock.beginning(day, BERLIN) == "2026-03-28T23:00:00.000+00:00"
    assert clock.end(day, BERLIN) == "2026-03-29T22:00:00.000+00:00"


def test_an_unknown_zone_is_utc() -> None:
    assert clock.zone("Mars/Olympus") == clock.zone(None) == clock.zone("../etc") == UTC
