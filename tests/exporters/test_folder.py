"""The cleaned copy holds what was decided, and the dataset stays as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from cleaner.errors import ExportError, JobCancelled
from cleaner.exporters import folder
from cleaner.exporters.base import Entry
from cleaner.progress import Progress
from cleaner.project import Project
from cleaner.recording import Request


def entries(project: Project) -> list[Entry]:
    return [Entry(i, project.path_of(i), project.root) for i in project.dataset().items]


def tree(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def number_of(project: Project, path: str) -> int:
    return next(item.item_id for item in project.dataset().items if item.path == path)


def test_images_lie_by_their_current_label(project: Project, tmp_path: Path) -> None:
    before = tree(project.root)
    project.decide([Request(number_of(project, "cat/0.png"), "move", "owl")])
    written = folder.export(entries(project), tmp_path / "cleaned")
    after = tree(tmp_path / "cleaned")
    assert "cat/0.png" not in after
    assert len(after) == len(written) == 12
    assert before["cat/0.png"] in (after["owl/0.png"], after["owl/0~2.png"])
    assert tree(project.root) == before


def test_images_of_the_same_name_are_both_kept(project: Project, tmp_path: Path) -> None:
    project.decide([Request(number_of(project, "dog/0.png"), "move", "cat")])
    folder.export(entries(project), tmp_path / "cleaned")
    copied = tree(tmp_path / "cleaned")
    assert copied["cat/0.png"] == (project.root / "cat/0.png").read_bytes()
    assert copied["cat/0~2.png"] == (project.root / "dog/0.png").read_bytes()


def test_names_that_differ_only_in_case_are_kept_apart(project: Project, tmp_path: Path) -> None:
    (project.root / "cat" / "0.PNG").write_bytes((project.root / "dog/0.png").read_bytes() + b"1")
    project.scan()
    folder.export(entries(project), tmp_path / "cleaned")
    names = [name.casefold() for name in tree(tmp_path / "cleaned")]
    assert len(names) == len(set(names)) == 13


def test_excluded_images_are_left_out(project: Project, tmp_path: Path) -> None:
    project.decide([Request(number_of(project, "cat/0.png"), "exclude")])
    folder.export(entries(project), tmp_path / "cleaned")
    assert "cat/0.png" not in tree(tmp_path / "cleaned")


def test_a_destination_with_something_in_it_is_refused(project: Project, tmp_path: Path) -> None:
    kept = tmp_path / "cleaned" / "mine.txt"
    kept.parent.mkdir()
    kept.write_text("precious", encoding="utf-8")
    with pytest.raises(ExportError, match="nothing is overwritten"):
        folder.export(entries(project), tmp_path / "cleaned")
    assert tree(tmp_path / "cleaned") == {"mine.txt": b"precious"}


def test_an_empty_folder_may_stand_at_the_destination(project: Project, tmp_path: Path) -> None:
    (tmp_path / "cleaned").mkdir()
    folder.export(entries(project), tmp_path / "cleaned")
    assert len(tree(tmp_path / "cleaned")) == 12


def test_a_destination_in_the_dataset_is_refused(project: Project) -> None:
    with pytest.raises(ExportError, match="taken for a class"):
        folder.export(entries(project), project.root / "cleaned")


def test_a_file_that_changed_since_the_scan_is_named(project: Project, tmp_path: Path) -> None:
    (project.root / "cat" / "0.png").write_bytes(b"something else")
    with pytest.raises(ExportError, match=r"cat/0\.png: the file has changed"):
        folder.export(entries(project), tmp_path / "cleaned")
    assert not (tmp_path / "cleaned").exists()


def test_a_cancelled_copy_leaves_nothing_behind(project: Project, tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.done == 5:
            raise JobCancelled("Cancelled by the user.")

    before = set(tmp_path.iterdir())
    with pytest.raises(JobCancelled):
        folder.export(entries(project), tmp_path / "cleaned", stop)
    assert set(tmp_path.iterdir()) == before
