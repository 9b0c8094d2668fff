"""The long run is `python -m benchmarks.faults`; a short one is part of every test run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.moving import SHARED_MEMORY

REPOSITORY = Path(__file__).resolve().parents[2]
KILLS = int(os.environ.get("CLEANER_KILLS", "12"))


def faults(*words: object, folder: Path) -> str:
    """Run the command in a process of its own: it forks, which needs one without threads."""
    place = SHARED_MEMORY if SHARED_MEMORY.is_dir() else folder
    command = [sys.executable, "-m", "benchmarks.faults", "--folder", str(place)]
    command += map(str, words)
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(600 + KILLS)
@pytest.mark.parametrize("operation", ["decide", "apply", "undo"])
def test_a_kill_at_random_loses_and_doubles_nothing(operation: str, tmp_path: Path) -> None:
    said = faults("--kills", KILLS, "--operation", operation, "--seed", 1, folder=tmp_path)

    cells = [cell.strip() for cell in said.splitlines()[-1].split("|")[1:-1]]
    assert cells[0] == operation
    assert int(cells[2]) == KILLS
    assert int(cells[3]) > 0
    assert cells[4:] == ["0", "0", "0"]


@pytest.mark.slow
@pytest.mark.usefixtures("uncounted")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("operation", ["score", "train"])
def test_a_killed_worker_leaves_what_the_next_one_can_use(operation: str, tmp_path: Path) -> None:
    said = faults("--kills", 1, "--operation", operation, "--seed", 1, folder=tmp_path)

    assert said.splitlines()[-1].endswith("| 0 | 0 | 0 |")


def test_files_moved_and_taken_back_are_as_before_to_the_nanosecond(tmp_path: Path) -> None:
    assert "as before" in faults("--apply-undo", 300, folder=tmp_path)
