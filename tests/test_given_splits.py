"""Parts that images came in."""

from __future__ import annotations

import hashlib
from pathlib import Path

from cleaner import given_splits
from cleaner.project import Project


def test_images_belong_to_the_parts_they_came_in(dataset: Path) -> None:
    files = sorted(dataset.rglob("*.png"))
    parts = {hashlib.sha256(path.read_bytes()).hexdigest(): "test" for path in files[::2]}
    parts |= {hashlib.sha256(path.read_bytes()).hexdigest(): "train" for path in files[1::2]}
    given_splits.add(dataset.with_name("pets.cleaner"), parts)  # type: ignore[arg-type]
    project = Project(dataset)
    project.scan()
    found = {item.content_hash: item.split for item in project.dataset().items}
    project.store.close()
    assert found == parts


def test_a_part_that_was_assigned_before_stays(project: Project) -> None:
    before = {item.content_hash: item.split for item in project.dataset().items}
    given_splits.add(project.state, dict.fromkeys(before, "test"))
    project.scan()
    assert {i.content_hash: i.split for i in project.dataset().items} == before


def test_an_image_in_two_parts_is_held_out(tmp_path: Path) -> None:
    given_splits.add(tmp_path, {"one": "test", "two": "train"})
    assert given_splits.add(tmp_path, {"one": "train", "two": "validation"}) == 2
    assert given_splits.read(tmp_path) == {"one": "test", "two": "validation"}
