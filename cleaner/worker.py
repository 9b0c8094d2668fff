"""The process a job runs in: the only one that loads TensorFlow, if the job needs it.

python -m cleaner.worker DATASET STATE JOB
"""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cleaner.errands import ERRANDS, Errand
from cleaner.errors import CleanerError, JobCancelled
from cleaner.items import shown_path
from cleaner.jobs import get, jobs_folder, now
from cleaner.progress import Progress
from cleaner.project import Project
from cleaner.store import jobs as rows
from cleaner.store.jobs import Job

WRITE_SECONDS = 0.5

log = logging.getLogger(__name__)


class Reporter:
    """Writes progress to the job's row twice a second, and stops the task when asked to."""

    def __init__(self, project: Project, job: Job) -> None:
        self._project = project
        self._job_id = job.job_id
        self._curves: dict[str, list[float]] = {}
        self._stage = ""
        self._written_at = 0.0
        self._terminated = False
        signal.signal(signal.SIGTERM, self._terminate)

    def _terminate(self, _signal: int, _frame: object) -> None:
        self._terminated = True

    def __call__(self, progress: Progress) -> None:
        for name, value in progress.curves.items():
            self._curves.setdefault(name, []).append(float(value))
        if self._terminated:
            raise JobCancelled("The worker was told to stop.")
        new_stage = progress.stage != self._stage
        if new_stage or time.monotonic() - self._written_at >= WRITE_SECONDS:
            self._write(progress, new_stage=new_stage)

    def _write(self, progress: Progress, *, new_stage: bool) -> None:
        values = {
            "stage": progress.stage,
            "done": progress.done,
            "total": progress.total,
            "message": progress.message,
            "curves": self._curves,
            "updated_at": now(),
        }
        if new_stage:
            values["stage_started_at"] = now()
        with self._project.store.write() as connection:
            rows.change(connection, self._job_id, values)
            job = rows.get(connection, self._job_id)
        self._stage, self._written_at = progress.stage, time.monotonic()
        if job is None or job.cancel_requested:
            raise JobCancelled("Cancelled by the user.")


def run(project: Project, job: Job) -> dict[str, Any]:
    """Do the job's task in this process and return the columns that settle its row."""
    report = Reporter(project, job)
    try:
        # Here and not at the top: a job cancelled at once need not wait for the imports.
        report(Progress("Starting the worker"))
        return {"state": "done", "result": _task(job.kind)(project, job.settings, report)}
    except JobCancelled:
        return {"state": "cancelled"}
    except CleanerError as error:
        return {"state": "failed", "error": shown_path(str(error))}
    except MemoryError:
        return {"state": "failed", "error": _OUT_OF_MEMORY}
    except Exception as error:
        log.exception("job %d failed", job.job_id)
        where = jobs_folder(project) / f"{job.job_id}.log"
        words = (
            f"Something went wrong that should not ({type(error).__name__}: {error}). "
            f"The details are in {where}."
        )
        return {"state": "failed", "error": shown_path(words)}


def _task(kind: str) -> Errand:
    if kind in ERRANDS:
        return ERRANDS[kind]
    from cleaner.tasks import TASKS

    return TASKS[kind]


_OUT_OF_MEMORY = "The machine ran out of memory. Close other programs, or use fewer views."


def main(arguments: list[str]) -> int:
    """Run one job; the exit code only serves the log."""
    root, state, job_id = Path(arguments[0]), Path(arguments[1]), int(arguments[2])
    # TensorFlow complains of every missing GPU, and its last words would be told as the cause
    # of a worker's death.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    project = Project(root, state)
    with (jobs_folder(project) / "worker.lock").open("ab") as lock:
        # Waits only for a worker that is just ending.
        fcntl.flock(lock, fcntl.LOCK_EX)
        started = {"state": "running", "pid": os.getpid(), "updated_at": now()}
        with project.store.write() as connection:
            rows.change(connection, job_id, started)
        settled = run(project, get(project, job_id))
        with project.store.write() as connection:
            rows.change(connection, job_id, settled | {"finished_at": now()})
    log.info("%s at %s", settled["state"], datetime.now(UTC).isoformat())
    return 0 if settled["state"] == "done" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
