"""What is known of the classes, as of now."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cleaner import class_health, classes
from cleaner.health import Trait
from cleaner.project import Project
from cleaner.recording import Request
from tests.ui.samples import filled_project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    project = filled_project(tmp_path, flagged=4)
    with project.store.write() as connection:
        class_health.keep(connection, [_pair(), _framed()], round_id=1)
    yield project
    project.store.close()


def _pair() -> Trait:
    captions = ("the first", "the second")
    return Trait(
        "merge", ("square", "star"), "They are one.", {"apart": 0.5}, ((1,), (2,)), captions
    )


def _framed() -> Trait:
    return Trait("border", ("circle",), "It has a frame.", {"alone": 0.99})


def _traits(project: Project) -> list[tuple[str, ...]]:
    return [trait.class_names for trait in class_health.read(project).traits]


def test_what_a_round_found_is_read_back(project: Project) -> None:
    assert class_health.read(project).traits == (_pair(), _framed())


def test_sizes_are_those_of_now(project: Project) -> None:
    concern = class_health.read(project).concerns[0]
    assert (concern.what, concern.count) == ("small classes", 4)


def test_a_renamed_class_goes_by_its_new_name(project: Project) -> None:
    classes.rename(project, "star", "asterisk")
    assert _traits(project)[0] == ("square", "asterisk")


def test_once_two_classes_are_one_nothing_is_said_of_them(project: Project) -> None:
    classes.merge(project, "star", "square")
    assert _traits(project) == [("circle",)]


def test_an_image_that_was_excluded_shows_nothing_any_more(project: Project) -> None:
    project.decide([Request(1, "exclude")])
    found = class_health.read(project)
    assert set(found.images) == {2}
    (shown, _framed) = [one for one in class_health.as_json(found) if "figures" in one]
    assert [group["paths"] for group in shown["images"]] == [[], ["circle/001.jpg"]]


def test_a_pair_that_people_moved_images_between_is_told(project: Project) -> None:
    items = [item for item in project.dataset().items if item.current_label == "circle"]
    project.decide([Request(item.item_id, "move", "triangle") for item in items[:5]])
    found = class_health.read(project)
    assert found.moved == {("circle", "triangle"): 5}
    assert found.traits[-1].class_names == ("circle", "triangle")
    told = [one["detail"] for one in class_health.as_json(found)]
    assert "5 were moved between them so far." in told[-1]


def test_without_a_round_sizes_alone_are_known(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    project = Project(tmp_path / "empty")
    assert class_health.as_json(class_health.read(project)) == []
    project.store.close()
