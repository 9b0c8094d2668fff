"""Background jobs: one row each, which the worker and everybody who watches share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from cleaner.errors import JobBusy
from cleaner.store.tables import jobs

JobState = Literal["waiting", "running", "done", "failed", "cancelled"]
ACTIVE: tuple[JobState, ...] = ("waiting", "running")


@dataclass(frozen=True, slots=True)
class Job:
    """One background job as its row says.

    Attributes:
        kind: ``score``, ``round``, ``train``, ``scan``, ...
        settings: what it was started with.
        stage: what it is doing, in words.
        done: of `total`, in this stage; a total of 0 means that nobody knows.
        message: one more line, such as the last loss.
        curves: name -> numbers so far, for plots.
        result: what it returned, once done.
        error: one line, once failed.
    """

    job_id: int
    kind: str
    settings: dict[str, Any]
    state: JobState
    cancel_requested: bool
    pid: int | None
    stage: str
    done: int
    total: int
    message: str
    curves: dict[str, list[float]]
    result: dict[str, Any] | None
    error: str | None
    created_at: str
    stage_started_at: str | None
    updated_at: str | None
    finished_at: str | None

    @property
    def active(self) -> bool:
        """Whether it waits or runs."""
        return self.state in ACTIVE


_COLUMNS = [jobs.c[name] for name in Job.__slots__]


def create(connection: Connection, kind: str, settings: dict[str, Any], created_at: str) -> int:
    """Add a waiting job and return its number.

    Raises:
        JobBusy: another one is active.
    """
    try:
        added = connection.execute(
            insert(jobs)
            .values(
                kind=kind,
                settings=settings,
                state="waiting",
                cancel_requested=False,
                stage="Starting",
                done=0,
                total=0,
                message="",
                curves={},
                created_at=created_at,
            )
            .returning(jobs.c.job_id)
        )
    except IntegrityError as error:
        raise JobBusy(
            "Another job is running on this dataset. Wait for it, or cancel it with "
            "`jobs --cancel` or in the app."
        ) from error
    number: int = added.scalar_one()
    return number


def get(connection: Connection, job_id: int) -> Job | None:
    """Return one job."""
    row = connection.execute(select(*_COLUMNS).where(jobs.c.job_id == job_id)).first()
    return None if row is None else Job(*row)


def active(connection: Connection) -> Job | None:
    """Return the one that waits or runs."""
    row = connection.execute(select(*_COLUMNS).where(jobs.c.state.in_(ACTIVE))).first()
    return None if row is None else Job(*row)


def recent(connection: Connection, *, limit: int | None = None) -> list[Job]:
    """Return jobs, the latest first."""
    rows = connection.execute(select(*_COLUMNS).order_by(jobs.c.job_id.desc()).limit(limit))
    return [Job(*row) for row in rows]


def change(connection: Connection, job_id: int, values: Mapping[str, Any]) -> None:
    """Write columns of a job that is still active; a settled one stays as it is."""
    connection.execute(
        update(jobs).where(jobs.c.job_id == job_id, jobs.c.state.in_(ACTIVE)).values(**values)
    )
