"""Moments of the log in the time zone of whoever looks."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def zone(name: str | None) -> tzinfo:
    """Return the time zone of this name, or UTC where nobody knows it."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def local(moment: str, here: tzinfo) -> str:
    """Return a moment of the log as people read it; what is no moment stays as it is.

    >>> local("2026-01-31T23:30:00.000+00:00", ZoneInfo("Europe/Berlin"))
    '2026-02-01 00:30'
    """
    try:
        return datetime.fromisoformat(moment).astimezone(here).strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return moment


def beginning(day: date, here: tzinfo) -> str:
    """Return when a day begins here, as the log writes it.

    >>> beginning(date(2026, 2, 1), ZoneInfo("Europe/Berlin"))
    '2026-01-31T23:00:00.000+00:00'
    """
    start = datetime.combine(day, time(), tzinfo=here).astimezone(UTC)
    return start.isoformat(timespec="milliseconds")


def end(day: date, here: tzinfo) -> str:
    """Return when the day after begins here, as the log writes it."""
    return beginning(day + timedelta(days=1), here)
