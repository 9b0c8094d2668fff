"""What is written besides moves and exports: a process is killed, or refused, at its calls.

By default it is killed at every third call; with CLEANER_EVERY_ERROR=1 at each.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest

from cleaner.cache import RowCache
from cleaner.project import Project
from tests.faults import working
from tests.faults.failing import CODES, Failing
from tests.faults.moving import SHARED_MEMORY
from tests.faults.working import WORKS

REPOSITORY = Path(__file__).resolve().parents[2]
EVERY_ERROR = bool(os.environ.get("CLEANER_EVERY_ERROR"))
pytestmark = pytest.mark.timeout(1800 if EVERY_ERROR else 600)
# Where the system is asked by name; what SQLite asks of it itself is tried in tests/store.
ON_FILES = ("keep features", "keep the ranking", "place a model")


@pytest.fixture
def quick_path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=SHARED_MEMORY if SHARED_MEMORY.is_dir() else None) as name:
        yield Path(name)


@pytest.mark.parametrize("name", WORKS)
def test_a_kill_at_a_call_loses_and_doubles_nothing(name: str, quick_path: Path) -> None:
    # A process of its own: it forks, which needs one without threads.
    command = [sys.executable, "-m", "tests.faults.working", name, str(quick_path)]
    command.append("1" if EVERY_ERROR else "3")
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout) > 5


@pytest.mark.parametrize("name", ON_FILES)
def test_an_error_of_any_call_leaves_what_the_next_attempt_completes(
    name: str, quick_path: Path
) -> None:
    work, rooms = WORKS[name], ("cache.py", "rescoring/", "learning/workshop.py")
    counting = Failing(rooms=rooms)
    working.make(quick_path / "0" / "photos", work)
    project = Project(quick_path / "0" / "photos")
    with counting.installed():
        work.act(project)
    project.store.close()
    assert len(counting.calls) > 5
    for number, code in zip(range(1, len(counting.calls) + 1), cycle(CODES), strict=False):
        root = quick_path / str(number) / "photos"
        working.make(root, work)
        project = Project(root)
        with suppress(OSError), Failing(number, code, rooms=rooms).installed():
            work.act(project)
        work.check(project)
        work.act(project)
        work.check_done(project)
        project.store.close()


@pytest.mark.parametrize("code", CODES)
def test_features_that_cannot_be_read_today_are_not_thrown_away(code: int, tmp_path: Path) -> None:
    RowCache(tmp_path / "features").add(["a" * 64], np.ones((1, 4), np.float32))
    shard = Failing(rooms=("cache.py",))
    with shard.installed():
        RowCache(tmp_path / "features")

    with Failing(shard.calls.index("open") + 1, code, rooms=("cache.py",)).installed():
        assert "a" * 64 not in RowCache(tmp_path / "features")

    assert "a" * 64 in RowCache(tmp_path / "features")
