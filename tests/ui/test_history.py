"""The page of past decisions, as Streamlit runs it."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from cleaner.logbook import Wanted
from cleaner.project import Project
from cleaner.recording import Request
from cleaner.ui.pages import history
from tests.ui.samples import open_round
from tests.ui.test_pages import button, labels, run_page, started, texts


def _decide(project: Project, count: int, action: str = "move") -> list[int]:
    numbers = [item.item_id for item in project.queue(limit=count)]
    for number in numbers:
        label = "triangle" if action == "move" else None
        project.decide([Request(number, action, label)], reviewer="Ann")  # type: ignore[arg-type]
    return numbers


def _undo_buttons(app: AppTest) -> list[str]:
    keys = [str(one.key) for one in app.button if one.label == "Undo"]
    return [key.removeprefix("undo-") for key in keys]


def test_without_decisions_the_page_says_where_they_come_from(project: Project) -> None:
    assert "Nothing is decided yet" in texts(run_page(project, "history"))


def test_every_decision_is_shown_with_who_what_and_why(project: Project) -> None:
    _decide(project, 1)
    shown = texts(run_page(project, "history"))
    for words in ("circle/000.jpg", "Moved: circle → triangle", "Ann", "Round 1: The prediction"):
        assert words in shown


def test_a_decision_is_taken_back_by_its_own_button(project: Project) -> None:
    first, _second = _decide(project, 2)
    app = run_page(project, "history")
    sequence = project.log(Wanted())[-1].sequence
    app.button(key=f"undo-{sequence}").click().run()
    assert not app.exception
    statuses = {item.item_id: item.status for item in project.dataset().items}
    assert statuses[first] == "unreviewed"
    assert "Took a decision back: triangle → circle" in texts(app)
    assert "taken back" in texts(app)


def test_a_decision_with_later_ones_is_taken_back_with_them(project: Project) -> None:
    (number,) = _decide(project, 1)
    project.decide([Request(number, "accept")])
    app = run_page(project, "history")
    sequence = project.log(Wanted())[-1].sequence
    app.button(key=f"undo-{sequence}").click().run()
    assert "decided again since" in texts(app)
    assert len(project.log(Wanted())) == 2
    button(app, "Undo all 2").click().run()
    assert not app.exception
    assert [item.item_id for item in project.queue(limit=1)] == [number]


def test_later_decisions_are_kept_on_second_thoughts(project: Project) -> None:
    (number,) = _decide(project, 1)
    project.decide([Request(number, "accept")])
    app = run_page(project, "history")
    app.button(key=f"undo-{project.log(Wanted())[-1].sequence}").click().run()
    button(app, "Keep them").click().run()
    assert "decided again since" not in texts(app)
    assert len(project.log(Wanted())) == 2


def test_pages_of_the_log_join(project: Project) -> None:
    open_round(project)
    _decide(project, 24)
    app = run_page(project, "history")
    first = _undo_buttons(app)
    assert len(first) == history.ENTRIES_SHOWN
    assert "Newer" not in labels(app)
    button(app, "Older").click().run()
    rest = _undo_buttons(app)
    assert (len(rest), set(first) & set(rest)) == (4, set())
    assert "Older" not in labels(app)
    button(app, "Newer").click().run()
    assert _undo_buttons(app) == first


def test_a_filter_begins_at_the_latest_again(project: Project) -> None:
    open_round(project)
    numbers = _decide(project, 24)
    project.decide([Request(numbers[0], "exclude")], reviewer="Bob")
    app = run_page(project, "history")
    button(app, "Older").click().run()
    app.selectbox(key="log-reviewer").set_value("Bob").run()
    assert "**1** entry" in texts(app)
    assert "Excluded, was triangle" in texts(app)
    app.text_input(key="log-file").set_value("no such file").run()
    assert "**0** entries" in texts(app)


def test_a_round_is_undone_after_a_look_at_the_numbers(
    project: Project, idle_workers: None
) -> None:
    _decide(project, 3)
    app = run_page(project, "history")
    app.button(key="undo-many").click().run()
    assert "Takes back 3 decisions (3 moved)." in texts(app)
    app.button(key="undo-go").click().run()
    assert started(project) == [("undo", {"round": 1, "reviewer": ""})]


def test_everything_is_undone_after_a_look_at_the_numbers(
    project: Project, idle_workers: None
) -> None:
    _decide(project, 3, "exclude")
    app = run_page(project, "history")
    app.button(key="undo-many").click().run()
    app.selectbox(key="undo-which").set_value(0).run()
    app.button(key="undo-go").click().run()
    assert started(project) == [("undo", {"round": None, "reviewer": ""})]
