"""The page of the classes, as Streamlit runs it."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from cleaner import class_health, classes
from cleaner.health import Trait
from cleaner.project import Project
from tests.ui.test_pages import button, run_page, texts


def _counts(app: AppTest) -> dict[str, int]:
    table = app.dataframe[0].value
    return dict(zip(table["Class"], table["Images"], strict=True))


def _said(app: AppTest) -> str:
    return " ".join(text.value for text in app.text)


def test_a_class_is_added_renamed_merged_and_all_of_it_taken_back(project: Project) -> None:
    app = run_page(project, "classes")
    app.text_input[0].set_value("hexagon")
    button(app, "Add").click().run()
    assert _counts(app)["hexagon"] == 0
    app.selectbox[0].set_value("star")
    app.text_input[1].set_value("comet")
    button(app, "Rename").click().run()
    assert _said(app) == "star renamed to comet. 6 images."
    app.selectbox[1].set_value("comet")
    app.selectbox[2].set_value("circle")
    button(app, "Merge").click().run()
    assert _counts(app) == {"circle": 12, "hexagon": 0, "square": 6, "triangle": 6}
    for _edit in range(3):
        button(app, "Take the latest edit back").click().run()
    assert _counts(app) == {"circle": 6, "square": 6, "star": 6, "triangle": 6}
    assert len(classes.history(project).edits) == 6


def test_a_name_that_cannot_be_is_refused_with_the_reason(project: Project) -> None:
    app = run_page(project, "classes")
    app.text_input[0].set_value("CIRCLE")
    button(app, "Add").click().run()
    assert "it differs from the class circle in capitals" in _said(app)
    assert "CIRCLE" not in _counts(app)


def test_how_the_classes_are_is_said_and_shown(project: Project) -> None:
    captions = ("the first", "the second")
    found = Trait("merge", ("star", "square"), "They are one.", {}, ((7, 8), (13,)), captions)
    with project.store.write() as connection:
        class_health.keep(connection, [found], round_id=1)
    app = run_page(project, "classes")
    assert "star and square cannot be told apart They are one." in _said(app)
    button(app, "Open in Review").click().run()
    assert app.session_state["gone"] == "review"


def test_sound_classes_are_said_to_be_sound(project: Project) -> None:
    assert "none falls into two parts" in texts(run_page(project, "classes"))
