"""Each system call of apply and undo fails once, with an error that disks are known for.

By default each call fails with one of the errors; with CLEANER_EVERY_ERROR=1 with all of them.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from cleaner.errors import CleanerError, MoveError
from cleaner.moves import Applied, recovery
from cleaner.project import Project
from cleaner.recording import Request
from tests.faults.failing import CODES, Failing
from tests.faults.moving import SHARED_MEMORY, Bench, lacks

EVERY_ERROR = bool(os.environ.get("CLEANER_EVERY_ERROR"))
PHOTOS = {
    "cats/1.jpg": b"one",
    "cats/2.jpg": b"two",
    "cats/twin.jpg": b"twin",
    "dogs/1.jpg": b"a dog called one",
    "dogs/twin.jpg": b"twin",
}

pytestmark = pytest.mark.timeout(1800 if EVERY_ERROR else 600)


@pytest.fixture
def quick_path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=SHARED_MEMORY if SHARED_MEMORY.is_dir() else None) as name:
        yield Path(name)


def ready(folder: Path, verb: str) -> Bench:
    """Make a dataset whose next apply moves: as decided, or back."""
    bench = Bench(folder)
    bench.add(PHOTOS)
    bench.move("cats/1.jpg", "dogs")
    bench.move("dogs/1.jpg", "owls")
    bench.exclude("cats/2.jpg")
    bench.exclude("dogs/twin.jpg")
    if verb == "undo":
        bench.apply()
        bench.undecide()
    bench.store.close()
    return bench


def contents(bench: Bench) -> Counter[str]:
    return Counter(facts[0] for facts in bench.tree().values())


def check_told(outcome: Applied | CleanerError, bench: Bench) -> None:
    """Assert that what stayed where it was is named, in a line each."""
    if isinstance(outcome, CleanerError):
        lines = [str(outcome)]
    else:
        lines = [f"{path}: {reason}" for path, reason in outcome.problems]
        if not lines:
            bench.check_applied()
    for line in lines:
        assert "\n" not in line
        assert line.startswith(("cats", "dogs", "owls", "quarantine", str(bench.folder))), line


def survive(bench: Bench, given: Counter[str], failing: Failing) -> None:
    with failing.installed():
        try:
            outcome: Applied | CleanerError = bench.apply()
        except CleanerError as error:
            outcome = error
    assert not given - contents(bench)
    check_told(outcome, bench)
    bench.recover()
    assert bench.unsettled() == []
    assert bench.apply().problems == ()
    bench.check_sound()
    bench.check_applied()


@pytest.mark.parametrize("verb", ["apply", "undo"])
@pytest.mark.parametrize("mode", ["rename", "claim", "copy"])
def test_no_failing_system_call_loses_an_image_or_goes_untold(
    mode: str, verb: str, quick_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = ready(quick_path / "template", verb)
    given = contents(template)
    for where, name, refusal in lacks(mode):
        monkeypatch.setattr(where, name, refusal)
    counting = Failing()
    survive(Bench(Path(shutil.copytree(template.folder, quick_path / "0"))), given, counting)
    assert len(counting.calls) > 50
    faults = [
        (number, code)
        for number in range(1, len(counting.calls) + 1)
        for place, code in enumerate(CODES)
        if EVERY_ERROR or (number + place) % len(CODES) == 0
    ]
    survived, failures = 0, []
    for number, code in faults:
        folder = Path(shutil.copytree(template.folder, quick_path / f"{number}-{code}"))
        bench = Bench(folder)
        try:
            survive(bench, given, Failing(number, code))
        except Exception as error:  # noqa: BLE001 - each fault is tried before one is told of
            call = counting.calls[number - 1]
            failures.append(f"call {number}, {call}, {os.strerror(code)}: {error!r}")
        finally:
            bench.store.close()
        shutil.rmtree(folder)
        survived += 1
    assert survived == len(faults)
    assert not failures, "\n".join(failures)


def test_a_failing_disk_is_got_over_without_opening_the_project_again(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = project.dataset().items[0]
    project.decide([Request(item.item_id, "move", "owl")])
    with monkeypatch.context() as broken:
        broken.setattr(recovery, "sync_folder", _input_output_error)
        with pytest.raises(MoveError, match="the disk failed"):
            project.apply()

    assert project.apply().problems == ()

    assert project.file_of(item.item_id).parent.name == "owl"


def _input_output_error(folder: Path) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))
