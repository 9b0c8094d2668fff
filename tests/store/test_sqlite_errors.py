"""What the disk and other programs do to SQLite is one line, and no decision is lost by it."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from cleaner.errors import StoreError
from cleaner.project import Project
from cleaner.recording import Request
from cleaner.store import sqlite
from tests.pictures import write_dataset

_REPOSITORY = Path(__file__).resolve().parents[2]
_NOBODY = 65534

# Decides until the file may not grow any more, then gives it room, and goes on.
_ON_A_FULL_DISK = """
import json, os, resource, signal, sys
from pathlib import Path
from cleaner.errors import StoreError
from cleaner.project import Project
from cleaner.recording import Request
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
project = Project(Path(sys.argv[1]))
item_id = project.dataset().items[0].item_id
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
room = max(os.path.getsize(project.state / name) for name in os.listdir(project.state))
resource.setrlimit(resource.RLIMIT_FSIZE, (room + 400_000, most))
answered, error = [], None
while error is None:
    try:
        answered += project.decide([Request(item_id, "accept")]).recorded
    except StoreError as found:
        error = str(found)
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
answered += project.decide([Request(item_id, "skip")]).recorded
print(json.dumps({"answered": answered, "error": error}))
"""


@contextmanager
def refused(match: str) -> Iterator[None]:
    with pytest.raises(StoreError, match=match) as caught:
        yield
    assert "\n" not in str(caught.value)
    assert "cleaner.sqlite" in str(caught.value)


def decide(project: Project) -> tuple[str, ...]:
    return project.decide([Request(project.dataset().items[0].item_id, "accept")]).recorded


def logged(project: Project) -> set[str]:
    return {decision.op_id for decision in project.history()}


def test_on_a_full_disk_what_was_answered_stays_and_the_rest_is_refused(project: Project) -> None:
    command = [sys.executable, "-c", _ON_A_FULL_DISK, str(project.root)]
    done = subprocess.run(command, cwd=_REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert "cannot be used" in found["error"]
    assert "\n" not in found["error"]
    assert len(found["answered"]) > 2
    assert logged(project) == set(found["answered"])
    with closing(sqlite3.connect(project.state / "cleaner.sqlite")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.skipif(not Path("/bin/mount").exists(), reason="mounts a disk of its own")
def test_on_a_tiny_disk_the_line_says_that_it_is_full(project: Project, tmp_path: Path) -> None:
    state = tmp_path / "tiny"
    state.mkdir()
    mount = ["/bin/mount", "-t", "tmpfs", "-o", "size=600k", "none", str(state)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a disk")
    try:
        project.store.close()
        shutil.copy(project.state / "cleaner.sqlite", state / "cleaner.sqlite")
        tiny = Project(project.root, state)
        answered: set[str] = set()
        with refused("full"):
            while True:
                answered.update(decide(tiny))
        assert logged(tiny) == answered
        tiny.store.close()
    finally:
        subprocess.run(["/bin/umount", str(state)], check=True)


_AS_SOMEBODY_ELSE = """
import os, sys
from pathlib import Path
from cleaner.errors import StoreError
from cleaner.project import Project
from cleaner.recording import Request
if os.geteuid() == 0:
    os.setuid(int(sys.argv[2]))
try:
    project = Project(Path(sys.argv[1]))
    print(len(project.history()))
    project.decide([Request(project.dataset().items[0].item_id, "accept")])
except StoreError as error:
    print(error)
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that anybody may enter, other than pytest's own."""
    with tempfile.TemporaryDirectory(prefix="pets-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_a_file_that_may_not_be_written_is_one_line(open_folder: Path) -> None:
    project = Project(write_dataset(open_folder / "pets", {"cat": 1}))
    project.scan()
    decide(project)
    project.store.close()
    for path in [*project.state.rglob("*"), project.state]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    command = [sys.executable, "-c", _AS_SOMEBODY_ELSE, str(project.root), str(_NOBODY)]
    done = subprocess.run(command, cwd=_REPOSITORY, capture_output=True, text=True, check=False)
    for path in [project.state, *project.state.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    assert done.returncode == 0, done.stderr
    last = done.stdout.splitlines()[-1]
    assert "cleaner.sqlite" in last
    assert "writable" in last


def test_a_database_that_another_program_holds_is_one_line(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.store.close()
    monkeypatch.setattr(sqlite, "_BUSY_TIMEOUT_SECONDS", 0.2)
    project = Project(project.root)
    before = decide(project)
    with closing(sqlite3.connect(project.state / "cleaner.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with refused("Another program holds it"):
            decide(project)
        other.execute("ROLLBACK")
    after = decide(project)
    assert logged(project) == {*before, *after}
    project.store.close()


def test_a_database_that_was_damaged_while_it_was_open_is_one_line(project: Project) -> None:
    decide(project)
    with closing(sqlite3.connect(project.state / "cleaner.sqlite")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file = project.state / "cleaner.sqlite"
    pages = file.read_bytes()
    project.store.close()
    file.write_bytes(pages[:4096] + b"\xee" * (len(pages) - 4096))
    with refused("damaged|cannot be used"):
        again = Project(project.root)
        again.history()
    file.write_bytes(pages)
    assert len(project.history()) == 1
