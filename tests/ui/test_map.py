"""The page of the map, as Streamlit runs it; the line around points is drawn in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cleaner import maps
from cleaner.project import Project
from cleaner.ui.pages import map as map_page
from tests.rescoring.projects import followed_project
from tests.ui.test_pages import button, labels, run_page, started, texts


@pytest.fixture
def solved(tmp_path: Path) -> Iterator[Project]:
    project = followed_project(tmp_path)
    yield project
    project.store.close()


def test_before_the_first_round_there_is_nothing_to_map(fresh_project: Project) -> None:
    app = run_page(fresh_project, "map")
    assert "First find the suspect labels" in texts(app)
    assert "Draw the map" not in labels(app)


def test_the_map_is_drawn_by_a_job(project: Project, idle_workers: None) -> None:
    app = run_page(project, "map")
    button(app, "Draw the map").click().run()
    assert started(project) == [("map", {})]


def test_a_map_is_shown_in_each_colouring(solved: Project) -> None:
    maps.make(solved)
    app = run_page(solved, "map")
    assert "90 images of round 1" in texts(app)
    assert "Draw a line around some images" in texts(app)
    for colouring in ("Status", "Flagged", "Label quality"):
        app.segmented_control(key="map-colour").set_value(colouring).run()
        assert not app.exception
    assert "Draw anew" not in labels(app)


def test_a_map_of_an_earlier_round_can_be_drawn_anew(solved: Project, idle_workers: None) -> None:
    maps.make(solved)
    with solved.store.write() as connection:
        connection.exec_driver_sql("UPDATE rounds SET started_at = '2999-01-01'")
    app = run_page(solved, "map")
    button(app, "Draw anew").click().run()
    assert started(solved) == [("map", {})]


def test_of_very_many_images_some_are_drawn_and_the_page_says_so(
    solved: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(map_page, "MOST_DRAWN", 40)
    maps.make(solved)
    assert "40 taken at random are drawn" in texts(run_page(solved, "map"))
