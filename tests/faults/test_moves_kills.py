"""A process that moves files is killed with SIGKILL at every step, on every kind of file system."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from cleaner.moves import checkpoints
from tests.faults.moving import MODES, SHARED_MEMORY, Bench, Crash, CrashAt, lacks

REPOSITORY = Path(__file__).resolve().parents[2]

PHOTOS = {
    "cats/1.jpg": b"one",
    "cats/2.jpg": b"two",
    "cats/twin.jpg": b"twin",
    "dogs/1.jpg": b"a dog called one",
    "dogs/twin.jpg": b"twin",
}


@pytest.fixture
def quick_path(tmp_path: Path) -> Iterator[Path]:
    """A folder that need not outlast a power cut; kills leave memory as it is."""
    if not SHARED_MEMORY.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=SHARED_MEMORY) as folder:
        yield Path(folder)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A folder on another device."""
    if not SHARED_MEMORY.is_dir() or SHARED_MEMORY.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second device")
    with tempfile.TemporaryDirectory(dir=SHARED_MEMORY) as folder:
        yield Path(folder)


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A dataset with decisions that are not yet applied: moves, a swap, twins, an exclusion."""
    bench = Bench(tmp_path / "template")
    bench.add(PHOTOS)
    bench.move("cats/1.jpg", "dogs")
    bench.move("dogs/1.jpg", "cats")
    bench.move("cats/twin.jpg", "dogs")
    bench.exclude("cats/2.jpg")
    bench.exclude("dogs/twin.jpg")
    bench.store.close()
    return bench.folder


def kill_at_every_step(mode: str, template: Path, cases: Path, elsewhere: Path) -> list[Bench]:
    cases.mkdir(exist_ok=True)
    arguments = [mode, str(template), str(cases), str(elsewhere)]
    command = [sys.executable, "-m", "tests.faults.moving", *arguments]
    subprocess.run(command, check=True, cwd=REPOSITORY, timeout=240)
    folders = sorted(cases.iterdir(), key=lambda folder: int(folder.name))
    return [Bench(folder, elsewhere / folder.name) for folder in folders]


def survive(benches: list[Bench], original: Bench) -> None:
    assert len(benches) > 15
    given = original.tree()
    for bench in benches:
        bench.recover()
        assert bench.unsettled() == []
        bench.check_sound()
        assert bench.apply().problems == ()
        bench.check_sound()
        bench.check_applied()
        bench.undecide()
        assert bench.apply().problems == ()
        assert bench.tree() == given
        bench.store.close()


@pytest.mark.parametrize("mode", ["rename", "claim", "copy"])
def test_no_kill_loses_or_doubles_an_image(mode: str, template: Path, quick_path: Path) -> None:
    cases = quick_path / "cases"

    benches = kill_at_every_step(mode, template, cases, cases)

    survive(benches, Bench(template))


@pytest.mark.parametrize("mode", ["two devices", "two devices, no links"])
def test_no_kill_between_two_devices_loses_or_doubles_an_image(
    mode: str, template: Path, tmp_path: Path, elsewhere: Path
) -> None:
    benches = kill_at_every_step(mode, template, tmp_path / "cases", elsewhere)

    survive(benches, Bench(template))


@pytest.mark.parametrize("mode", ["claim", "copy"])
def test_a_crash_during_recovery_is_recovered_from(
    mode: str, template: Path, quick_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for where, name, refusal in lacks(mode):
        monkeypatch.setattr(where, name, refusal)
    for number in range(1, 12):
        bench = Bench(Path(shutil.copytree(template, quick_path / str(number))))
        monkeypatch.setattr(checkpoints, "on_reach", CrashAt(8 + number))
        with pytest.raises(Crash):
            bench.apply()
        for later in range(1, 5):
            monkeypatch.setattr(checkpoints, "on_reach", CrashAt(later))
            with pytest.raises(Crash):
                bench.recover()
        monkeypatch.setattr(checkpoints, "on_reach", None)

        bench.recover()

        assert bench.unsettled() == []
        bench.check_sound()
        bench.store.close()


@pytest.mark.parametrize("mode", ["rename", "copy"])
def test_a_crash_while_twins_change_places_is_recovered_from(
    mode: str, quick_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(quick_path / "template")
    bench.add({"a/1.jpg": b"twin", "b/1.jpg": b"twin", "c/1.jpg": b"twin"})
    given = bench.tree()
    for path, label in [("a/1.jpg", "d"), ("b/1.jpg", "a"), ("c/1.jpg", "b"), ("d/1.jpg", "c")]:
        bench.move(path, label)
        bench.apply()
    bench.undecide()
    bench.store.close()
    for where, name, refusal in lacks(mode):
        monkeypatch.setattr(where, name, refusal)
    for number in range(1, 30):
        bench = Bench(Path(shutil.copytree(quick_path / "template", quick_path / str(number))))
        monkeypatch.setattr(checkpoints, "on_reach", CrashAt(number))
        with suppress(Crash):
            bench.apply()
        monkeypatch.setattr(checkpoints, "on_reach", None)

        recovered = bench.recover()

        assert "planned" not in {move.state for move in recovered}
        bench.check_sound()
        bench.apply()
        assert bench.tree() == given
        bench.store.close()


def test_every_kind_of_file_system_is_tried() -> None:
    assert set(MODES) == {"rename", "claim", "copy", "two devices", "two devices, no links"}
