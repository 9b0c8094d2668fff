"""What goes wrong ends in one line that names the thing, and the right exit code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cleaner import demo
from cleaner.project import Project
from tests.cli.conftest import Call
from tests.pictures import write_dataset, write_image

QUICK_VERBS = ("scan", "status", "queue", "undo", "apply", "jobs", "recover")


def _nothing(root: Path) -> None:
    root.mkdir()


def _only_text(root: Path) -> None:
    (root / "notes").mkdir(parents=True)
    (root / "notes" / "letter.txt").write_text("dear reader")


def _only_loose_images(root: Path) -> None:
    write_image(root / "photo.png")


@pytest.mark.parametrize("make", [_nothing, _only_text, _only_loose_images])
def test_a_folder_without_classes_of_images_is_refused(
    call: Call, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "data")
    refused = call("scan", tmp_path / "data", "--json")
    assert refused.code == 1
    assert refused.out == ""
    assert str(tmp_path / "data") in refused.complaint


@pytest.mark.parametrize("verb", QUICK_VERBS)
def test_a_folder_that_is_not_there_is_named(call: Call, tmp_path: Path, verb: str) -> None:
    refused = call(verb, tmp_path / "gone")
    assert refused.code == 1
    assert refused.err.count("\n") == 1
    assert str(tmp_path / "gone") in refused.err


@pytest.mark.parametrize("verb", QUICK_VERBS)
def test_a_file_is_no_dataset(call: Call, tmp_path: Path, verb: str) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"")
    assert call(verb, tmp_path / "photo.jpg").code == 1


def test_a_state_folder_that_cannot_be_made_is_named(call: Call, dataset: Path) -> None:
    (dataset.parent / "file").write_text("")
    refused = call("scan", dataset, "--state", dataset.parent / "file" / "state")
    assert refused.code == 1
    assert "--state" in refused.complaint


def test_a_dataset_that_may_not_be_written_works_with_its_state_elsewhere(
    call: Call, dataset: Path, tmp_path: Path
) -> None:
    beside = sorted(path.name for path in dataset.parent.iterdir())
    dataset.chmod(0o555)
    assert call("scan", dataset, "--state", tmp_path / "elsewhere" / "state").code == 0
    dataset.chmod(0o755)
    assert sorted(path.name for path in dataset.parent.iterdir()) == sorted([*beside, "elsewhere"])


def test_one_class_can_be_scanned(call: Call, tmp_path: Path) -> None:
    root = write_dataset(tmp_path / "one", {"cat": 1})
    assert call("scan", root, "--json").document["classes"] == {"cat": 1}


def test_a_queue_before_any_round_says_what_to_do(call: Call, project: Project) -> None:
    refused = call("queue", project.root, "--json")
    assert refused.code == 1
    assert "cleaner score" in refused.complaint


def test_an_unknown_class_is_named_with_those_there_are(call: Call, project: Project) -> None:
    refused = call("decide", project.root, "cat/0.png", "move", "cow")
    assert refused.code == 1
    assert "'cow'" in refused.complaint
    assert "cat, dog, owl" in refused.complaint


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("cat/0.png",),
        ("cat/0.png", "praise"),
        ("cat/0.png", "move"),
        ("cat/0.png", "accept", "dog"),
        ("cat/0.png", "accept", "--from", "file.csv"),
    ],
)
def test_a_decision_that_makes_no_sense_is_wrong_usage(
    call: Call, project: Project, arguments: tuple[str, ...]
) -> None:
    assert call("decide", project.root, *arguments).code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("score", "DATA", "--folds", "1"),
        ("score", "DATA", "--views", "0"),
        ("score", "DATA", "--mode", "magic"),
        ("train", "DATA", "--head-epochs", "0"),
        ("undo", "DATA", "--last", "1", "--round", "1"),
        ("undo", "DATA", "--last", "0"),
        ("export", "DATA", "out", "--format", "zip"),
        ("predict", "model"),
        ("sing", "DATA"),
        (),
    ],
)
def test_wrong_usage_ends_with_2(call: Call, project: Project, arguments: tuple[str, ...]) -> None:
    named = [str(project.root) if word == "DATA" else word for word in arguments]
    refused = call(*named)
    assert refused.code == 2
    assert refused.out == ""


def test_an_unknown_backbone_is_told_before_a_job_starts(call: Call, project: Project) -> None:
    refused = call("score", project.root, "--backbone", "mobilenet_v9")
    assert refused.code == 1
    assert "mobilenet_v9" in refused.complaint
    assert call("jobs", project.root, "--json").document["jobs"] == []


def test_a_model_that_is_not_there_is_named(call: Call, tmp_path: Path) -> None:
    refused = call("predict", tmp_path / "model", tmp_path / "photo.jpg")
    assert refused.code == 1
    assert str(tmp_path / "model") in refused.complaint


def test_a_model_cannot_be_exported_before_one_is_trained(
    call: Call, project: Project, tmp_path: Path
) -> None:
    refused = call("export", project.root, tmp_path / "m.tflite", "--format", "tflite")
    assert refused.code == 1
    assert "cleaner train" in refused.complaint


def test_an_export_never_overwrites(call: Call, project: Project, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("mine")
    assert call("export", project.root, tmp_path / "labels.csv", "--format", "csv").code == 1
    assert (tmp_path / "labels.csv").read_text() == "mine"


def test_a_bug_gives_one_line_and_a_log_instead_of_a_traceback(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_arguments: object, **_named: object) -> None:
        raise ZeroDivisionError("by accident")

    monkeypatch.setattr(demo, "make", break_down)
    failed = call("demo", tmp_path / "demo")
    assert failed.code == 1
    assert failed.err.count("\n") == 1
    log = Path(failed.err.rsplit("in ", 1)[1].strip().removesuffix("."))
    assert "ZeroDivisionError: by accident" in log.read_text()


def test_a_name_with_a_line_break_does_not_break_the_line(call: Call, tmp_path: Path) -> None:
    refused = call("status", tmp_path / "two\nlines")
    assert refused.err.count("\n") == 1
