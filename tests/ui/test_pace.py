from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from cleaner.store.jobs import Job
from cleaner.ui.pace import duration, fraction, pace

NOW = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)
JOB = Job(
    job_id=1,
    kind="score",
    settings={},
    state="running",
    cancel_requested=False,
    pid=1,
    stage="Looking at the images",
    done=40,
    total=100,
    message="",
    curves={},
    result=None,
    error=None,
    created_at="2026-01-01T11:59:00+00:00",
    stage_started_at="2026-01-01T12:00:00+00:00",
    updated_at="2026-01-01T12:00:20+00:00",
    finished_at=None,
)


def test_pace_tells_count_rate_and_time_left_of_the_stage() -> None:
    assert pace(JOB, NOW) == "40 of 100 · 2.0 a second · 30 s left"


def test_pace_claims_no_rate_at_the_start() -> None:
    assert pace(replace(JOB, done=2), NOW) == "2 of 100"


def test_pace_says_nothing_where_nobody_knows_the_total() -> None:
    assert pace(replace(JOB, total=0), NOW) == ""


def test_fraction_stays_within_its_bounds() -> None:
    assert fraction(JOB) == pytest.approx(0.4)
    assert fraction(replace(JOB, total=0)) == 0
    assert fraction(replace(JOB, done=120)) == 1


def test_durations_are_said_as_people_say_them() -> None:
    said = [duration(seconds) for seconds in (0.4, 59.6, 61.0, 3_700.0)]
    assert said == ["1 s", "1 min 0 s", "1 min 1 s", "1 h 1 min"]
