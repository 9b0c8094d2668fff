"""How fast a job is and how long it will take, in words."""

from __future__ import annotations

from datetime import datetime

from cleaner.store.jobs import Job

# Below this a rate says more about the start than about the work.
_FEWEST_DONE = 3
_FEWEST_SECONDS = 2.0


def pace(job: Job, now: datetime) -> str:
    """Return count, rate and time left of the stage a job is in; "" where nobody knows."""
    if not job.total:
        return ""
    parts = [f"{job.done:,} of {job.total:,}"]
    seconds = _seconds_in_stage(job, now)
    if job.done >= _FEWEST_DONE and seconds >= _FEWEST_SECONDS:
        rate = job.done / seconds
        parts.append(f"{rate:,.0f} a second" if rate >= 10 else f"{rate:.1f} a second")
        parts.append(f"{duration((job.total - job.done) / rate)} left")
    return " · ".join(parts)


def fraction(job: Job) -> float:
    """Return how much of its stage a job has done, 0..1."""
    return min(1.0, job.done / job.total) if job.total > 0 else 0.0


def duration(seconds: float) -> str:
    """Return a length of time as people say it.

    >>> [duration(seconds) for seconds in (0.4, 59, 61, 3_700)]
    ['1 s', '59 s', '1 min 1 s', '1 h 2 min']
    """
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _seconds_in_stage(job: Job, now: datetime) -> float:
    # Up to the last report, not up to now: a worker that is busy between two reports would
    # look slower with every look.
    started = job.stage_started_at or job.created_at
    until = datetime.fromisoformat(job.updated_at) if job.updated_at else now
    return max(0.0, (until - datetime.fromisoformat(started)).total_seconds())
