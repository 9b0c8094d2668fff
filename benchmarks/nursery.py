"""A process that has loaded what a worker loads, and forks one for each job: kills come quicker.

    python -m benchmarks.nursery

A worker spends most of its life loading TensorFlow, where a kill finds nothing to spoil. One that
is forked here does what `python -m cleaner.worker` does, and ends as that would; only the loading
is behind it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from cleaner import jobs
from cleaner.project import Project
from cleaner.store import jobs as rows
from cleaner.store.jobs import Job

_REPOSITORY = Path(__file__).resolve().parents[1]


class Nursery:
    """Starts the process at the first job, and ends it when it is left."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def wake(self) -> None:
        """Return once everything is loaded."""
        if self._process is None:
            command = [sys.executable, "-m", "benchmarks.nursery"]
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_REPOSITORY
            )
            self._process.stdout.readline()  # type: ignore[union-attr]

    def start(self, project: Project, kind: str, settings: dict[str, object]) -> Job:
        """Do what `jobs.start` does, with a worker that need not load anything."""
        jobs.reconcile(project)
        with project.store.write() as connection:
            job_id = rows.create(connection, kind, settings, jobs.now())
        pid = self._ask(str(project.root), str(project.state), str(job_id))
        with project.store.write() as connection:
            rows.change(connection, job_id, {"pid": pid})
        return jobs.get(project, job_id)

    def close(self) -> None:
        """End the process; the workers it has forked go on."""
        if self._process is not None:
            self._process.communicate()
            self._process = None

    def _ask(self, *words: str) -> int:
        self.wake()
        process = self._process
        process.stdin.write(json.dumps(words) + "\n")  # type: ignore[union-attr]
        process.stdin.flush()  # type: ignore[union-attr]
        return int(process.stdout.readline())  # type: ignore[union-attr]


def main() -> None:
    """Fork a worker for each line that comes in, and answer with its number."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from cleaner import tasks, worker  # noqa: F401 - loaded for those who are forked
    from cleaner.learning import final  # noqa: F401

    # Nobody asks for the exit codes of the dead; without this they would look alive.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)  # noqa: T201
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _work(*json.loads(line))
        print(child, flush=True)  # noqa: T201


def _work(root: str, state: str, job_id: str) -> None:
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        _redirect(Path(state) / "jobs" / f"{job_id}.log")
        from cleaner import worker

        code = worker.main([root, state, job_id])
    except BaseException:  # noqa: BLE001 - nothing may get past os._exit, or two would go on
        sys.excepthook(*sys.exc_info())
        code = 1
    finally:
        sys.stderr.flush()
    os._exit(code)


def _redirect(log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output, Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)


if __name__ == "__main__":
    main()
