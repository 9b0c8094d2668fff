"""Which images a final model learns from."""

from __future__ import annotations

from pathlib import Path

import pytest

from cleaner.errors import TooFewImages
from cleaner.items import Split
from cleaner.learning.training_set import gather, without
from cleaner.project import Project
from cleaner.recording import Request
from cleaner.store.tables import items
from tests.pictures import write_dataset


def set_splits(project: Project, splits: dict[str, Split]) -> None:
    """Put images into splits by path; all others train."""
    with project.store.write() as connection:
        connection.execute(items.update().values(split="train"))
        for path, split in splits.items():
            connection.execute(items.update().where(items.c.path == path).values(split=split))


def number_of(project: Project, path: str) -> int:
    return next(item.item_id for item in project.dataset().items if item.path == path)


def test_images_go_where_their_split_says_by_their_current_label(project: Project) -> None:
    set_splits(project, {"cat/0.png": "test", "dog/0.png": "validation"})
    project.decide([Request(number_of(project, "cat/0.png"), "move", "owl")])
    photos = gather(project, seed=0)
    assert photos.class_names == ("cat", "dog", "owl")
    assert [(photo.path, photo.label) for photo in photos.test] == [("cat/0.png", 2)]
    assert [photo.path for photo in photos.validation] == ["dog/0.png"]
    assert len(photos.train) == 10
    assert photos.label_sources == {"accepted": 0, "moved": 1, "as_given": 11}
    assert photos.notes == ()


def test_excluded_images_are_left_out(project: Project) -> None:
    set_splits(project, {"dog/0.png": "validation"})
    project.decide([Request(number_of(project, "cat/1.png"), "exclude")])
    assert "cat/1.png" not in [photo.path for photo in gather(project, seed=0).train]


def test_one_class_is_too_few(tmp_path: Path) -> None:
    project = Project(write_dataset(tmp_path / "pets", {"cat": 3, "dog": 1}))
    project.scan()
    set_splits(project, {"dog/0.png": "test"})
    with pytest.raises(TooFewImages, match="1 of 2 classes") as caught:
        gather(project, seed=0)
    assert "\n" not in str(caught.value)


def test_a_class_without_training_images_is_left_out_and_named(project: Project) -> None:
    set_splits(project, {f"owl/{number}.png": "test" for number in range(4)})
    photos = gather(project, seed=0)
    assert photos.class_names == ("cat", "dog")
    assert photos.test == ()
    assert "The class owl has no training image, so its 4 images were left out." in photos.notes


def test_validation_is_borrowed_from_training_and_never_from_the_test(project: Project) -> None:
    set_splits(project, {"cat/0.png": "test"})
    photos = gather(project, seed=0)
    assert len(photos.validation) == 2
    assert len(photos.train) == 9
    assert [photo.path for photo in photos.test] == ["cat/0.png"]
    assert {photo.label for photo in photos.train} == {0, 1, 2}
    assert "2 training images decided when to stop" in photos.notes[0]


def test_the_last_image_of_a_class_is_never_borrowed(tmp_path: Path) -> None:
    project = Project(write_dataset(tmp_path / "pets", {f"class {n}": 1 for n in range(8)}))
    project.scan()
    set_splits(project, {})
    photos = gather(project, seed=0)
    assert photos.validation == ()
    assert len(photos.train) == 8
    assert "training ran its full length" in photos.notes[0]


def test_unreadable_files_leave_with_a_note(project: Project) -> None:
    set_splits(project, {"dog/0.png": "validation"})
    photos = gather(project, seed=0)
    left = without(photos, [(photos.train[0].source, "truncated: ...")])
    assert len(left.train) == len(photos.train) - 1
    assert left.notes == ("1 images could not be read and were passed over: cat/0.png.",)


def test_too_few_readable_classes_are_an_error(project: Project) -> None:
    photos = gather(project, seed=0)
    rejected = [(photo.source, "gone") for photo in photos.train if photo.label]
    with pytest.raises(TooFewImages, match="cannot be read"):
        without(photos, rejected)
