"""The page of the audits, as Streamlit runs it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cleaner import lanes
from cleaner.items import Finding
from cleaner.project import Project
from cleaner.store import findings
from cleaner.ui import engine, lane_words
from cleaner.ui.pages import audits
from tests.ui.samples import filled_project
from tests.ui.test_pages import button, labels, run_page, started, texts

_TWINS = "They show nearly the same picture."


@pytest.fixture
def audited(tmp_path: Path) -> Iterator[Project]:
    """Copies within a class and across classes, three dark images, and a file that is none."""
    project = filled_project(tmp_path, flagged=4)
    keep(project)
    yield project
    project.store.close()


def keep(project: Project) -> None:
    found = [
        Finding("near_duplicate", ("circle/000.jpg", "circle/001.jpg"), "info", _TWINS),
        Finding("near_duplicate", ("circle/002.jpg", "star/000.jpg"), "warning", _TWINS),
        *(Finding("dark", (f"square/{n:03}.jpg",), "warning", "It is dark.") for n in range(3)),
        Finding("unreadable", ("star/broken.jpg",), "error", "It is cut short."),
    ]
    with project.store.write() as connection:
        findings.replace_all(connection, found, found_by="scan")


def open_lane(project: Project, name: str) -> AppTest:
    app = run_page(project, "audits")
    app.radio(key="lane").set_value(name).run()
    assert not app.exception
    return app


def press(app: AppTest, words: str) -> AppTest:
    button(app, words).click().run()
    assert not app.exception
    return app


def excluded(project: Project) -> set[str]:
    return {item.path for item in project.dataset().items if item.status == "excluded"}


def test_each_kind_has_a_lane_with_its_count_the_gravest_first(audited: Project) -> None:
    lanes_shown = run_page(audited, "audits").radio(key="lane").options
    assert lanes_shown == [
        "Unreadable files · 1",
        "Near copies across classes · 1",
        "Dark · 3",
        "Near copies within a class · 1",
    ]


def test_a_dataset_without_findings_says_so(project: Project) -> None:
    assert "Nothing stands out" in texts(run_page(project, "audits"))


def test_a_folder_that_nobody_read_says_what_comes_first(fresh_project: Project) -> None:
    assert "was not read yet" in texts(run_page(fresh_project, "audits"))


def test_one_of_each_group_is_kept_after_it_was_shown_and_comes_back(audited: Project) -> None:
    app = press(open_lane(audited, "near_duplicate-info"), "Keep one of each …")
    assert "Keeps 1 image, one of each group. Excludes 1 image." in texts(app)
    assert excluded(audited) == set()
    press(app, "Exclude 1 image")
    assert len(excluded(audited)) == 1
    assert "1 image excluded." in texts(app)
    press(app, "Undo")
    assert excluded(audited) == set()


def test_very_many_are_excluded_by_a_job_and_brought_back_by_one(
    audited: Project, monkeypatch: pytest.MonkeyPatch, idle_workers: None
) -> None:
    monkeypatch.setattr(audits, "MOST_AT_ONCE", 2)
    app = press(press(open_lane(audited, "dark"), "Exclude …"), "Exclude 3 images")
    ((kind, settings),) = started(audited)
    assert kind == "exclude"
    assert lanes.exclude_batch(audited, lanes.Batch(**settings)) == 3
    assert "3 images to be excluded." in texts(app)
    assert "Undo" in labels(app)


def test_nothing_happens_when_it_is_cancelled(audited: Project) -> None:
    app = press(open_lane(audited, "dark"), "Exclude …")
    assert "Excludes 3 images." in texts(app)
    press(app, "Cancel")
    assert excluded(audited) == set()
    assert "Exclude …" in labels(app)


def test_what_is_selected_is_left_alone(audited: Project) -> None:
    app = open_lane(audited, "dark")
    app.checkbox[1].check().run()
    assert "2 of 3 findings" in texts(app)
    press(press(app, "Exclude …"), "Exclude 2 images")
    assert excluded(audited) == {"square/000.jpg", "square/002.jpg"}


def test_only_what_is_selected_is_excluded(audited: Project) -> None:
    app = open_lane(audited, "dark")
    app.segmented_control(key="audit-mode").set_value("Only the selected").run()
    assert button(app, "Exclude …").disabled
    app.checkbox[2].check().run()
    press(press(app, "Exclude …"), "Exclude 1 image")
    assert excluded(audited) == {"square/002.jpg"}


def test_what_is_dismissed_can_be_brought_back(audited: Project) -> None:
    app = press(open_lane(audited, "unreadable"), "Dismiss")
    assert "1 finding dismissed" in texts(app)
    press(app, "Bring 1 dismissed back")
    assert [one.findings for one in lanes.kinds(audited) if one.kind == "unreadable"] == [1]


def test_copies_across_classes_whose_labels_disagree_are_left(audited: Project) -> None:
    app = press(open_lane(audited, "near_duplicate-warning"), "Keep one of each …")
    assert "1 group is left alone" in texts(app)
    assert not any(words.startswith("Exclude ") for words in labels(app))


def test_findings_are_opened_in_review(audited: Project) -> None:
    app = press(open_lane(audited, "dark"), "Open in Review")
    assert app.session_state["gone"] == "review"


def test_many_findings_come_page_by_page(audited: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audits, "IMAGES_SHOWN", 2)
    app = open_lane(audited, "dark")
    assert len(app.checkbox) == 2
    press(app, "More")
    assert len(app.checkbox) == 1
    assert "Page 2" in texts(app)
    press(app, "Back")
    assert len(app.checkbox) == 2


def test_a_lane_nobody_named_still_has_a_title() -> None:
    counted = [findings.KindCount("new_kind", "info", 1, 1, 0)]
    (lane,) = lane_words.lanes_of(counted)
    assert (lane.title, lane.about, lane.name) == ("New kind", "", "new_kind")


@pytest.mark.skipif(not engine.is_chosen(), reason="requirements-ray.txt is not installed")
def test_the_folder_is_read_again_where_one_wants(audited: Project) -> None:
    app = run_page(audited, "audits")
    next(box for box in app.selectbox if box.label == "Engine").set_value("ray").run()
    app.text_input[0].set_value(" 10.0.0.5:6379 ").run()
    next(box for box in app.number_input if box.label == "Cores a worker").set_value(4).run()
    press(app, "Read it")
    cluster = {"address": "10.0.0.5:6379", "cores_per_worker": 4}
    assert started(audited) == [("scan", {"engine": "ray"} | cluster)]
