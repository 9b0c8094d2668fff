from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from cleaner import jobs
from cleaner.errors import JobBusy, JobCancelled, JobError
from cleaner.project import Project
from cleaner.store import jobs as rows
from cleaner.store.jobs import Job


def _unwatched(_job: Job) -> None:
    pass


def _waiting_row(project: Project, pid: int | None, created_at: str | None = None) -> Job:
    with project.store.write() as connection:
        job_id = rows.create(connection, "scan", {}, created_at or jobs.now())
        rows.change(connection, job_id, {"pid": pid})
    return jobs.get(project, job_id)


def _wait_until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 240
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.05)


def test_a_job_ends_with_its_result_and_is_remembered(project: Project) -> None:
    seen: list[Job] = []
    result = jobs.follow(project, jobs.start(project, "scan", {}), seen.append)
    assert result == {"added": 0, "relocated": 0, "missing": 0}
    assert seen[-1].state == "done"
    assert [(job.kind, job.state) for job in jobs.recent(project)] == [("scan", "done")]


def test_a_second_job_is_refused_while_one_runs(project: Project) -> None:
    first = jobs.start(project, "scan", {})
    with pytest.raises(JobBusy, match="jobs --cancel"):
        jobs.start(project, "scan", {})
    jobs.follow(project, first, _unwatched)
    jobs.follow(project, jobs.start(project, "scan", {}), _unwatched)


def test_a_cancelled_job_stops_and_says_so(project: Project) -> None:
    job = jobs.start(project, "scan", {})
    assert jobs.cancel(project) is not None
    with pytest.raises(JobCancelled):
        jobs.follow(project, job, _unwatched)
    assert jobs.active(project) is None


def test_a_worker_that_is_told_to_end_settles_its_job(project: Project) -> None:
    job = jobs.start(project, "scan", {})
    _wait_until(lambda: jobs.get(project, job.job_id).stage == "Starting the worker")
    assert job.pid is not None
    os.kill(job.pid, signal.SIGTERM)
    with pytest.raises(JobCancelled):
        jobs.follow(project, job, _unwatched)


def test_a_killed_worker_is_noticed_and_the_next_job_starts(project: Project) -> None:
    job = jobs.start(project, "scan", {})
    assert job.pid is not None
    os.kill(job.pid, signal.SIGKILL)
    with pytest.raises(JobError, match="start again"):
        jobs.follow(project, job, _unwatched)
    assert jobs.follow(project, jobs.start(project, "scan", {}), _unwatched)


def test_a_job_whose_worker_died_long_ago_is_noticed(project: Project) -> None:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    job = _waiting_row(project, done.pid)
    (jobs.jobs_folder(project) / f"{job.job_id}.log").write_text("out of ideas\n")
    assert jobs.active(project) is None
    assert "out of ideas" in (jobs.get(project, job.job_id).error or "")


def test_a_job_whose_starter_died_before_the_worker_began_is_noticed(project: Project) -> None:
    _waiting_row(project, None, "2026-01-01T00:00:00+00:00")
    assert jobs.active(project) is None


def test_a_job_that_is_being_started_this_moment_is_left_alone(project: Project) -> None:
    job = _waiting_row(project, None)
    active = jobs.active(project)
    assert active is not None
    assert active.job_id == job.job_id


def test_a_task_that_fails_tells_its_reason(project: Project) -> None:
    for path in project.root.rglob("*.png"):
        path.unlink()
    with pytest.raises(JobError, match="no image could be read"):
        jobs.follow(project, jobs.start(project, "scan", {}), _unwatched)


def test_a_bug_in_a_task_is_one_line_and_names_the_log(project: Project) -> None:
    with pytest.raises(JobError, match=r"1\.log"):
        jobs.follow(project, jobs.start(project, "nonsense", {}), _unwatched)
    assert "Traceback" in (jobs.jobs_folder(project) / "1.log").read_text()


def test_there_is_no_job_of_an_unknown_number(project: Project) -> None:
    with pytest.raises(JobError, match="no job 7"):
        jobs.get(project, 7)


def test_cancelling_nothing_is_no_error(project: Project) -> None:
    assert jobs.cancel(project) is None
