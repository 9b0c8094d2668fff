"""Draw how far a task is on stderr, and follow a job until it ends."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from cleaner.progress import Progress

if TYPE_CHECKING:
    from cleaner.project import Project
    from cleaner.store.jobs import Job

_DRAWS_PER_SECOND = 10
_STOP_WITHIN_SECONDS = 60
_ERASE_LINE = "\r\x1b[K"


class ProgressLine:
    """One line on stderr that is drawn anew on a terminal; elsewhere one line a stage.

    Used as a context it wipes its line at the end, so that the answer stands alone.
    """

    def __init__(self) -> None:
        self._stream = sys.stderr
        self._on_terminal = self._stream.isatty()
        self._stage = ""
        self._began = self._drawn = 0.0
        self._done_at_begin = 0

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._on_terminal and self._drawn:
            self._write(_ERASE_LINE)

    def __call__(self, progress: Progress) -> None:
        """Show one report."""
        now = time.monotonic()
        if progress.stage != self._stage:
            self._stage, self._began, self._drawn = progress.stage, now, 0.0
            self._done_at_begin = progress.done
            if not self._on_terminal:
                self._write(f"{progress.stage}{_of_total(progress)}\n")
        if self._on_terminal and now - self._drawn >= 1 / _DRAWS_PER_SECOND:
            self._drawn = now
            self._write(_ERASE_LINE + self._line(progress, now - self._began))

    def _line(self, progress: Progress, seconds: float) -> str:
        if not progress.total:
            return f"{progress.stage} ...  {progress.message}".rstrip()
        parts = [f"{progress.stage}  {progress.done:,} / {progress.total:,}"]
        rate = (progress.done - self._done_at_begin) / seconds if seconds > 1 else 0.0
        if rate > 0:
            left = (progress.total - progress.done) / rate
            parts += [f"{rate:,.1f}/s", f"{duration(left)} left"]
        return "  ".join([*parts, progress.message]).rstrip()

    def _write(self, text: str) -> None:
        # Nobody there to watch, as after `2>&-` or a closed terminal: the work goes on.
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()


def _of_total(progress: Progress) -> str:
    return f" ({progress.total:,})" if progress.total else ""


def duration(seconds: float) -> str:
    """Return a time as people say it.

    >>> [duration(seconds) for seconds in (0.4, 75.0, 4000.0)]
    ['0:00', '1:15', '1:06:40']
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def run_job(project: Project, kind: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Start a job, draw its progress and return its result; Ctrl-C cancels it.

    Raises:
        JobError: it could not be started, or failed.
        JobCancelled: somebody else cancelled it.
    """
    from cleaner import jobs

    with ProgressLine() as line:

        def watch(job: Job) -> None:
            line(Progress(job.stage, job.done, job.total, job.message))

        job = jobs.start(project, kind, settings)
        try:
            return jobs.follow(project, job, watch)
        except KeyboardInterrupt as error:
            _cancel(project, job)
            raise click.Abort(
                "Cancelled. What was finished is kept; start again to go on."
            ) from error


def _cancel(project: Project, job: Job) -> None:
    from cleaner import jobs

    jobs.cancel(project)
    give_up = time.monotonic() + _STOP_WITHIN_SECONDS
    with contextlib.suppress(KeyboardInterrupt):  # a second Ctrl-C does not wait
        while jobs.get(project, job.job_id).active and time.monotonic() < give_up:
            time.sleep(jobs.POLL_SECONDS)
            jobs.reconcile(project)
