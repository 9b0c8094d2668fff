"""No command changes an original, but those that are there to move files."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from cleaner.project import Project
from cleaner.ui import thumbnails
from cleaner.ui.registry import key_of
from tests.cli.conftest import Call, call  # noqa: F401 - a fixture
from tests.pictures import write_dataset
from tests.ui.samples import filled_project
from tests.ui.test_login_over_http import ask, environment, free_port, open_stream, running

_QUICK_TRAINING = (
    *("--model", "mobilenet_v1_1.0_96"),
    *("--head-epochs", 1, "--fine-tune-epochs", 0, "--few-formats"),
)

Seen = dict[str, tuple[str, int, int, int]]


def originals(root: Path) -> Seen:
    """Return content, mode, time and place of every file of the dataset."""
    found = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        # Reading may set a folder's times nowhere but in atime, which is not looked at.
        found[path.relative_to(root).as_posix()] = (
            content,
            status.st_mode,
            status.st_mtime_ns,
            status.st_ino,
        )
    return found


@pytest.mark.slow
@pytest.mark.usefixtures("uncounted")
def test_originals_stay_as_they_are_under_every_command_that_moves_nothing(
    call: Call,  # noqa: F811
    tmp_path: Path,
) -> None:
    root = write_dataset(tmp_path / "pets", {"cat": 14, "dog": 14}, size=(64, 64))
    (root / "cat" / "broken.jpg").write_bytes(b"\xff\xd8\xffnothing")
    (root / "cat" / "0.png").chmod(0o440)
    os.utime(root / "dog" / "0.png", ns=(1_500_000_000_123_456_789,) * 2)
    before = originals(root)

    def unchanged(*words: object) -> Path:
        done = call(words[0], *words[1:])
        assert done.code == 0, (words, done.err)
        assert originals(root) == before, words
        return root

    unchanged("scan", root)
    backbone = "mobilenet_v2_1.0_224"
    unchanged("score", root, "--backbone", backbone, "--views", 1, "--folds", 2)
    unchanged("queue", root, "--all", "--csv", tmp_path / "queue.csv")
    unchanged("decide", root, "cat/0.png", "move", "dog")
    unchanged("decide", root, "cat/1.png", "exclude")
    unchanged("decide", root, "cat/2.png", "accept")
    unchanged("apply", root, "--dry-run")
    unchanged("status", root)
    unchanged("jobs", root)
    unchanged("recover", root)
    unchanged("train", root, *_QUICK_TRAINING)
    unchanged("export", root, tmp_path / "clean", "--format", "folder")
    unchanged("export", root, tmp_path / "labels.csv", "--format", "csv")
    unchanged("export", root, tmp_path / "pets.tflite", "--format", "tflite")
    unchanged("import", root, tmp_path / "clean.manifest.json")
    unchanged("predict", tmp_path / "pets.tflite", root / "cat" / "3.png")

    project = Project(root)
    for item in project.dataset().items:
        for side_px in thumbnails.SIDES_PX:
            thumbnails.thumbnail(project, item, side_px)
    project.store.close()
    assert originals(root) == before


def test_originals_stay_as_they_are_while_they_are_reviewed_in_the_page(tmp_path: Path) -> None:
    project = filled_project(tmp_path, each=2)
    (project.root / "circle" / "000.jpg").chmod(0o440)
    os.utime(project.root / "star" / "000.jpg", ns=(1_500_000_000_123_456_789,) * 2)
    item_ids = [item.item_id for item in project.dataset().items]
    before = originals(project.root)
    port, key = free_port(), key_of(project.root, project.state)
    with running(port, tmp_path, environment(tmp_path, CLEANER_DATASET=str(project.root))):
        assert ask(port, "/").status == 200
        assert open_stream(port, Origin=f"http://127.0.0.1:{port}") == 101
        assert ask(port, f"/api/p/{key}/queue").status == 200
        for item_id in item_ids:
            for side_px in thumbnails.SIDES_PX:
                picture = ask(port, f"/api/p/{key}/image/{item_id}?side={side_px}")
                assert picture.status == 200
        moved = {"op_id": "review-move", "item_id": item_ids[0], "action": "move", "label": "star"}
        gone = {"op_id": "review-gone", "item_id": item_ids[1], "action": "exclude"}
        asked = json.dumps([moved, gone])
        sent = ask(port, f"/api/p/{key}/decisions", "POST", asked, Content_Type="application/json")
        assert len(json.loads(sent.body)["recorded"]) == 2
        assert ask(port, f"/api/p/{key}/history").status == 200
    project.store.close()
    assert originals(project.root) == before
