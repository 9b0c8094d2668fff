"""The verb import, and what comes back from an export."""

from __future__ import annotations

from pathlib import Path

import pytest

from cleaner import exports, imports
from cleaner.cli import importing
from cleaner.importers import IMPORTERS
from cleaner.project import Project
from cleaner.recording import Request
from tests.cli.conftest import Call
from tests.pictures import write_dataset

RETURNING = {"folder": "", "tree": "", "coco": "annotations.json", "tfrecord": ""}


def test_help_lists_every_format() -> None:
    assert set(importing.IMPORT_FORMATS) == {*IMPORTERS, "manifest"}


def test_what_was_imported_is_told(call: Call, tmp_path: Path) -> None:
    source = write_dataset(tmp_path / "source" / "train", {"cat": 2, "dog": 1}).parent
    write_dataset(source / "val", {"cat": 1})
    found = call("import", source, tmp_path / "pets", "--json").document
    assert found["passed_over"] == []
    assert (found["format"], found["imported"]) == ("tree", 4)
    assert found["classes"] == {"cat": 3, "dog": 1}
    assert found["splits"] == {"train": 3, "validation": 1}


@pytest.mark.parametrize("name", RETURNING)
def test_what_is_exported_can_be_imported(name: str, project: Project, tmp_path: Path) -> None:
    first = project.dataset().items[0]
    project.decide([Request(first.item_id, "move", "owl")])
    exports.export(project, name, tmp_path / "out")
    source, state = tmp_path / "out" / RETURNING[name], tmp_path / "state"
    imports.import_into(tmp_path / "back", imports.Source(source), state=state)
    back = Project(tmp_path / "back", state)
    back.scan()
    kept = ("content_hash", "current_label") + (() if name == "folder" else ("split",))
    there, here = (
        sorted(tuple(getattr(item, field) for field in kept) for item in each.dataset().items)
        for each in (project, back)
    )
    back.store.close()
    assert here == there


def test_an_exported_table_names_the_images_of_the_dataset(
    call: Call, project: Project, tmp_path: Path
) -> None:
    exports.export(project, "csv", tmp_path / "labels.csv")
    back = tmp_path / "back"
    found = call("import", tmp_path / "labels.csv", back, "--images", project.root, "--json")
    assert found.document["imported"] == 12


def test_images_that_were_moved_since_do_not_come_again(call: Call, tmp_path: Path) -> None:
    source = write_dataset(tmp_path / "source", {"cat": 3, "dog": 2})
    call("import", source, tmp_path / "pets")
    call("scan", tmp_path / "pets")
    (tmp_path / "pets" / "cat" / "0.png").rename(tmp_path / "pets" / "dog" / "moved.png")
    found = call("import", source, tmp_path / "pets", "--json").document
    assert (found["imported"], found["already_there"]) == (0, 5)


def test_a_source_that_is_not_there_is_one_line(call: Call, tmp_path: Path) -> None:
    refused = call("import", tmp_path / "nothing", tmp_path / "pets")
    assert refused.code == 1
    assert "there is nothing" in refused.complaint
