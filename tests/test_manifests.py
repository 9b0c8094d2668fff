"""An export's manifest, and the labels that come back from it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from cleaner import exports, manifests
from cleaner.errors import ExportError, ManifestError
from cleaner.project import Project
from cleaner.recording import Request
from tests.pictures import write_dataset


def labels(project: Project) -> dict[str, tuple[str, str]]:
    return {item.path: (item.current_label, item.status) for item in project.dataset().items}


def log(project: Project) -> list[tuple[str, str, str, str]]:
    return [(one.op_id, one.action, one.reviewer, one.decided_at) for one in project.history()]


def decide_a_lot(project: Project) -> None:
    ids = {item.path: item.item_id for item in project.dataset().items}
    project.decide(
        [
            Request(ids["cat/0.png"], "move", "dog"),
            Request(ids["cat/1.png"], "accept"),
            Request(ids["dog/1.png"], "exclude"),
            Request(ids["dog/2.png"], "skip"),
            Request(ids["owl/0.png"], "move", "cat"),
            Request(ids["owl/0.png"], "move", "dog"),
            Request(ids["owl/1.png"], "move", "cat"),
        ],
        reviewer="ann",
    )
    project.undo()


@pytest.fixture
def exported(ranked: Project, tmp_path: Path) -> Path:
    decide_a_lot(ranked)
    return exports.export(ranked, "folder", tmp_path / "clean").manifest


def test_labels_and_log_come_back_in_a_new_project(
    ranked: Project, exported: Path, tmp_path: Path
) -> None:
    fresh = Project(ranked.root, tmp_path / "fresh")
    fresh.scan()
    found = manifests.read_into(fresh, exported)
    assert labels(fresh) == labels(ranked)
    assert log(fresh) == log(ranked)
    assert (found.matched, found.recorded, found.unknown, found.missing) == (12, 8, (), ())
    again = manifests.read_into(fresh, exported)
    assert again.recorded == 0
    assert labels(fresh) == labels(ranked)


def test_labels_come_back_where_the_files_were_moved_and_renamed(
    ranked: Project, exported: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    for number, item in enumerate(ranked.dataset().items):
        target = elsewhere / ("a" if number % 2 else "b") / f"{number}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ranked.path_of(item), target)
    fresh = Project(elsewhere)
    fresh.scan()
    manifests.read_into(fresh, exported)
    expected = {item.content_hash: item.current_label for item in ranked.dataset().items}
    assert {i.content_hash: i.current_label for i in fresh.dataset().items} == expected
    assert set(fresh.class_names()) >= {"cat", "dog", "owl"}


def test_what_is_not_here_and_what_is_not_known_is_named(
    ranked: Project, exported: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(ranked.root, other)
    (other / "cat" / "3.png").unlink()
    write_dataset(tmp_path / "more", {"new": 20})
    shutil.copytree(tmp_path / "more" / "new", other / "new")
    for path in sorted((other / "new").iterdir())[1:]:
        path.unlink()
    fresh = Project(other)
    fresh.scan()
    found = manifests.read_into(fresh, exported)
    assert found.unknown == ("cat/3.png",)
    assert len(found.missing) <= 1


def test_twins_keep_their_own_labels(tmp_path: Path) -> None:
    root = write_dataset(tmp_path / "twins", {"cat": 2, "dog": 2})
    shutil.copy(root / "cat" / "0.png", root / "dog" / "twin.png")
    first = Project(root, tmp_path / "one")
    first.scan()
    twin = next(item for item in first.dataset().items if item.path == "dog/twin.png")
    first.decide([Request(twin.item_id, "move", "cat")])
    manifest = exports.export(first, "csv", tmp_path / "labels.csv").manifest
    second = Project(root, tmp_path / "two")
    second.scan()
    manifests.read_into(second, manifest)
    assert labels(second) == labels(first)


def test_names_that_are_not_utf_8_or_look_like_formulas_come_back(tmp_path: Path) -> None:
    root = write_dataset(tmp_path / "odd", {"=cmd()": 2, os.fsdecode(b"caf\xe9"): 2})
    first = Project(root, tmp_path / "one")
    first.scan()
    items = first.dataset().items
    names = first.class_names()
    for item in items[:2]:
        label = next(name for name in names if name != item.current_label)
        first.decide([Request(item.item_id, "move", label)])
    manifest = exports.export(first, "csv", tmp_path / "labels.csv").manifest
    second = Project(root, tmp_path / "two")
    second.scan()
    manifests.read_into(second, manifest)
    assert labels(second) == labels(first)


@pytest.mark.parametrize("label", ["../up", "a/b", "..", ".hidden", "", 7, None, "x" * 300])
def test_a_label_that_could_be_no_folder_is_refused(
    ranked: Project, exported: Path, label: object
) -> None:
    document = json.loads(exported.read_text())
    document["images"][0]["current_label"] = label
    exported.write_text(json.dumps(document))
    before = labels(ranked)
    with pytest.raises(ManifestError, match="image 1 is not as an export writes it"):
        manifests.read_into(ranked, exported)
    assert labels(ranked) == before


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"manifest": 9}', "[" * 100_000, "\xff"])
def test_what_is_no_manifest_is_refused_in_one_line(
    ranked: Project, tmp_path: Path, text: str
) -> None:
    (tmp_path / "m.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ManifestError) as caught:
        manifests.read_into(ranked, tmp_path / "m.json")
    assert "m.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_each_copy_is_listed_with_its_file(exported: Path) -> None:
    images = json.loads(exported.read_text())["images"]
    by_path = {image["path"]: image for image in images}
    assert by_path["cat/0.png"]["file"] == "clean/dog/0.png"
    assert "file" not in by_path["dog/1.png"]
    assert (exported.parent / by_path["cat/0.png"]["file"]).is_file()


def test_a_manifest_is_never_overwritten(ranked: Project, tmp_path: Path) -> None:
    (tmp_path / "labels.csv.manifest.json").write_text("precious")
    with pytest.raises(ExportError, match="nothing is overwritten"):
        exports.export(ranked, "csv", tmp_path / "labels.csv")
    assert not (tmp_path / "labels.csv").exists()


def test_a_label_that_no_folder_can_have_is_refused() -> None:
    assert not manifests.is_class_name("half \ud800")
    assert manifests.is_class_name("byte \udcff")
