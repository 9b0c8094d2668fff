from __future__ import annotations

import io
import sys
import time

import pytest

from cleaner import jobs
from cleaner.cli.watching import ProgressLine, run_job
from cleaner.errors import JobError
from cleaner.progress import Progress
from cleaner.project import Project


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class _Closed(io.StringIO):
    def write(self, _text: str) -> int:
        raise BrokenPipeError


class _Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def _on_terminal(monkeypatch: pytest.MonkeyPatch) -> tuple[ProgressLine, io.StringIO]:
    """Return a line and what it draws on; not a fixture, since pytest swaps stderr after those."""
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    return ProgressLine(), terminal


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    stopped = _Clock()
    monkeypatch.setattr(time, "monotonic", stopped)
    return stopped


def test_a_terminal_sees_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    line, terminal = _on_terminal(monkeypatch)
    line(Progress("Moving files", 1_000, 2_000, "cats/1.jpg"))
    assert terminal.getvalue().endswith("Moving files  1,000 / 2,000  cats/1.jpg")


def test_rate_and_time_left_come_from_this_stage_alone(
    monkeypatch: pytest.MonkeyPatch, clock: _Clock
) -> None:
    line, terminal = _on_terminal(monkeypatch)
    line(Progress("Looking", 500, 1_000))  # half was there from an earlier run
    clock.now += 10
    line(Progress("Looking", 600, 1_000))
    assert terminal.getvalue().endswith("600 / 1,000  10.0/s  0:40 left")


def test_a_stage_of_unknown_length_has_no_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    line, terminal = _on_terminal(monkeypatch)
    line(Progress("Starting the worker"))
    assert terminal.getvalue().endswith("Starting the worker ...")


def test_a_terminal_is_not_flooded(monkeypatch: pytest.MonkeyPatch, clock: _Clock) -> None:
    line, terminal = _on_terminal(monkeypatch)
    for done in range(100):
        line(Progress("Looking", done, 100))
    assert terminal.getvalue().count("Looking") == 1


def test_the_line_is_wiped_when_the_work_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    line, terminal = _on_terminal(monkeypatch)
    with line:
        line(Progress("Looking", 1, 2))
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_a_file_gets_one_line_a_stage(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressLine() as line:
        for stage in ("Reading", "Reading", "Ranking"):
            line(Progress(stage, 1, 3))
    assert capsys.readouterr().err == "Reading (3)\nRanking (3)\n"


def test_work_goes_on_when_nobody_can_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", _Closed())
    with ProgressLine() as line:
        line(Progress("Reading"))


def test_a_job_is_followed_to_its_result(project: Project) -> None:
    assert run_job(project, "scan", {}) == {"added": 0, "relocated": 0, "missing": 0}


def test_a_job_that_fails_is_an_error_of_one_line(project: Project) -> None:
    with pytest.raises(JobError, match="log"):
        run_job(project, "nonsense", {})
    assert jobs.active(project) is None
