"""A project to export from, what must hold of an export, and a process to kill.

    python -m tests.faults.exporting FORMAT DATASET DESTINATION

exports to the destination over and over, each time killed at the next system call, until one
gets through alive; after each kill a second export must make the destination whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sys
from pathlib import Path

from cleaner import exports, manifests
from cleaner.errors import ExportError
from cleaner.project import Project
from cleaner.store import models
from cleaner.store.models import FinalModel
from tests.faults.failing import EXPORTS, Failing
from tests.pictures import write_dataset

FORMATS: tuple[str, ...] = ("folder", "csv", "tflite", "saved_model")
if os.environ.get("CLEANER_EVERY_ERROR"):
    FORMATS += ("tree", "coco", "tfrecord")


def make(root: Path) -> Project:
    """Return a scanned project with a model that is none, but has its files."""
    project = Project(write_dataset(root, {"cat": 2, "dog": 1}))
    project.scan()
    folder = project.state / "models" / "made-up"
    (folder / "saved_model" / "assets").mkdir(parents=True)
    (folder / "saved_model" / "saved_model.pb").write_bytes(b"a graph")
    (folder / "saved_model" / "assets" / "labels.txt").write_bytes(b"cat\ndog\n")
    (folder / "model.tflite").write_bytes(b"a network")
    model = FinalModel("made-up", "none", ["cat", "dog"], str(folder), {}, {}, "2026")
    with project.store.write() as connection:
        models.add(connection, model)
    return project


def is_whole(target: Path) -> bool:
    """Tell whether an export is there as its manifest says, False where there is nothing.

    Raises:
        AssertionError: there is something, and it is not whole.
    """
    manifest = manifests.place(target)
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return False
    document = json.loads(manifest.read_text("ascii"))
    expected = dict(document["files"])
    for image in document["images"]:
        if "file" in image:
            expected[image["file"]] = image["content_hash"]
    found = {
        path.relative_to(target.parent).as_posix(): _sha256(path)
        for path in [target, *target.rglob("*")]
        if path.is_file()
    }
    assert found == expected, (found, expected)
    return True


def leftovers(target: Path) -> list[str]:
    """Return what lies beside an export and its manifest."""
    known = {target.name, manifests.place(target).name}
    return [path.name for path in target.parent.iterdir() if path.name not in known]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main(format_name: str, root: Path, target: Path) -> None:
    kills, is_killed = 0, True
    while is_killed:
        kills += 1
        child = os.fork()
        if child == 0:
            _export_and_die(root, format_name, target, at=kills)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert code in (0, -signal.SIGKILL), code
        is_killed = code != 0
        was_whole = is_whole(target)
        project = Project(root)
        try:
            exports.export(project, format_name, target)
        except ExportError:
            assert was_whole
        else:
            assert not was_whole
            assert leftovers(target) == []
        project.store.close()
        assert is_whole(target)
        _remove(target)
        manifests.place(target).unlink()
    print(kills)  # noqa: T201


def _export_and_die(root: Path, format_name: str, target: Path, *, at: int) -> None:
    try:
        project = Project(root)
        with Failing(at, None, rooms=EXPORTS).installed():
            exports.export(project, format_name, target)
    except BaseException:  # noqa: BLE001 - nothing may get past os._exit, or two would go on
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


if __name__ == "__main__":
    main(sys.argv[1], *map(Path, sys.argv[2:4]))
