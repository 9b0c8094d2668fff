"""Start, watch and cancel one detached worker process, and notice a dead one.

The worker holds a lock file for as long as it lives, so whoever looks can tell a running
job from one that crashed, whatever happened to the server that started it.
"""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cleaner.errors import JobCancelled, JobError
from cleaner.items import shown_path
from cleaner.project import Project
from cleaner.store import jobs as rows
from cleaner.store import opening
from cleaner.store.jobs import Job

POLL_SECONDS = 0.2
_LOG_TAIL_BYTES = 4_000
# What TensorFlow and LiteRT say of themselves; no crash is explained by it.
_LIBRARY_NOISE = re.compile(r"[IW]\d{4} |INFO: |WARNING: |To enable |\d{4}-\d\d-\d\d .*: [IW] ")

# Those this process started. Holding them is how they are reaped: a worker that ended and was
# never asked for its exit code would look alive.
_workers: dict[int, subprocess.Popen[bytes]] = {}


def now() -> str:
    """Return the time as every table keeps it: UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def jobs_folder(project: Project) -> Path:
    """Return where lock and logs of this dataset's jobs lie."""
    folder = project.state / "jobs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def start(project: Project, kind: str, settings: dict[str, Any]) -> Job:
    """Start a worker process for one task and return its job at once.

    Raises:
        JobBusy: another job is running on this dataset.
    """
    reconcile(project)
    with project.store.write() as connection:
        job_id = rows.create(connection, kind, settings, now())
    command = [sys.executable, "-m", "cleaner.worker", str(project.root), str(project.state)]
    log = jobs_folder(project) / f"{job_id}.log"
    with log.open("wb") as output:
        worker = subprocess.Popen(
            [*command, str(job_id)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=Path(__file__).parent.parent,
            # Its own session: closing the terminal or the server does not end the training.
            start_new_session=True,
        )
    _workers[worker.pid] = worker
    with project.store.write() as connection:
        rows.change(connection, job_id, {"pid": worker.pid})
    return get(project, job_id)


def get(project: Project, job_id: int) -> Job:
    """Return one job as it is now."""
    with project.store.read() as connection:
        job = rows.get(connection, job_id)
    if job is None:
        raise JobError(f"There is no job {job_id}. `jobs` lists those there are.")
    return job


def active(project: Project) -> Job | None:
    """Return the job that is under way, after a look whether its worker still lives."""
    reconcile(project)
    with project.store.read() as connection:
        return rows.active(connection)


def recent(project: Project, limit: int | None = None) -> list[Job]:
    """Return running and past jobs, the latest first."""
    reconcile(project)
    with project.store.read() as connection:
        return rows.recent(connection, limit=limit)


def cancel(project: Project) -> Job | None:
    """Ask the active job to stop; what it has finished is kept. Return it, or None."""
    job = active(project)
    if job is not None:
        with project.store.write() as connection:
            rows.change(connection, job.job_id, {"cancel_requested": True})
    return job


def follow(project: Project, job: Job, watch: Callable[[Job], None]) -> dict[str, Any]:
    """Wait for a job to end, calling `watch` with each new state, and return its result.

    Raises:
        JobCancelled: it was cancelled.
        JobError: it failed; the message is the worker's one line.
    """
    while job.active:
        time.sleep(POLL_SECONDS)
        reconcile(project)
        job = get(project, job.job_id)
        watch(job)
    if job.state == "cancelled":
        raise JobCancelled("Cancelled. What was finished is kept; start again to go on.")
    if job.state == "failed":
        raise JobError(job.error or "The job failed and left no message.")
    return job.result or {}


def reconcile(project: Project) -> None:
    """Mark a job failed whose worker is gone without a word."""
    with project.store.read() as connection:
        job = rows.active(connection)
    if job is None or _worker_lives(project, job):
        return
    error = _last_words(project, job)
    with project.store.write() as connection:
        rows.change(
            connection, job.job_id, {"state": "failed", "error": error, "finished_at": now()}
        )
    opening.settle(project.store)


def _worker_lives(project: Project, job: Job) -> bool:
    if job.pid is not None and not _process_lives(job.pid):
        return False
    # A waiting worker has not reached its lock yet; its process was just seen alive. One
    # without a number is being started this moment, or its starter died right then.
    if job.state == "waiting":
        age = datetime.now(UTC) - datetime.fromisoformat(job.created_at)
        return job.pid is not None or age.total_seconds() < 10
    return _is_locked(jobs_folder(project) / "worker.lock")


def _process_lives(pid: int) -> bool:
    if pid in _workers:
        return _workers[pid].poll() is None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_locked(path: Path) -> bool:
    with path.open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _last_words(project: Project, job: Job) -> str:
    log = jobs_folder(project) / f"{job.job_id}.log"
    said = log.read_bytes() if log.is_file() else b""  # none yet where the starter died first
    lines = said[-_LOG_TAIL_BYTES:].decode(errors="replace").split("\n")
    spoken = [line.strip() for line in lines if line.strip() and not _LIBRARY_NOISE.match(line)]
    last = spoken[-1] if spoken else "it said nothing"
    return (
        f"The worker stopped while {job.stage.lower()!r} ({last}). What was finished is kept; "
        f"start again to go on. Its log: {shown_path(str(log))}"
    )
