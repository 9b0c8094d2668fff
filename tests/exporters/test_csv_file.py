"""The table of labels."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from cleaner.errors import ExportError
from cleaner.exporters import csv_file
from cleaner.exporters.base import Entry
from cleaner.project import Project
from tests.pictures import write_dataset


def entries(project: Project) -> list[Entry]:
    ranked = {item.item_id: item for item in project.ranking()} if project.rounds() else {}
    return [
        Entry(item, project.path_of(item), project.root, ranked.get(item.item_id))
        for item in project.dataset().items
    ]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_image_has_a_line(ranked: Project, tmp_path: Path) -> None:
    csv_file.export(entries(ranked), tmp_path / "labels.csv")
    table = rows(tmp_path / "labels.csv")
    assert [row["path"] for row in table] == [item.path for item in ranked.dataset().items]
    flagged = [row["path"] for row in table if row["flagged"] == "yes"]
    assert flagged == ["cat/0.png", "dog/1.png"]


def test_qualities_are_empty_before_the_first_round(project: Project, tmp_path: Path) -> None:
    csv_file.export(entries(project), tmp_path / "labels.csv")
    assert {row["label_quality"] for row in rows(tmp_path / "labels.csv")} == {""}


def test_no_cell_is_a_formula(tmp_path: Path) -> None:
    project = Project(write_dataset(tmp_path / "pets", {"=cmd()": 1, "@sum": 1, "cat": 1}))
    project.scan()
    csv_file.export(entries(project), tmp_path / "labels.csv")
    cells = [cell for row in rows(tmp_path / "labels.csv") for cell in row.values()]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert "'=cmd()/0.png" in cells


def test_a_folder_gets_the_table_in_it(project: Project, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    written = csv_file.export(entries(project), tmp_path / "out")
    assert written == [tmp_path / "out" / "labels.csv"]
    assert len(rows(written[0])) == 12


def test_a_file_is_never_overwritten(project: Project, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("precious", encoding="utf-8")
    with pytest.raises(ExportError, match="nothing is overwritten"):
        csv_file.export(entries(project), tmp_path / "labels.csv")
    assert (tmp_path / "labels.csv").read_text(encoding="utf-8") == "precious"
