"""The filter bar as Streamlit runs it: address, form and chips say the same."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cleaner.project import Project
from cleaner.recording import Request
from cleaner.selection import Selection
from cleaner.ui import filters
from cleaner.ui.registry import shared
from tests.ui.samples import make_images, open_round
from tests.ui.test_pages import TIMEOUT_SECONDS, texts


def _script(key: str) -> None:
    import streamlit as st

    from cleaner.ui import filters
    from cleaner.ui.registry import shared

    selection = filters.draw(shared().get(key), key)
    filters.tell(key, selection)
    st.session_state["chosen"] = selection


def _page(project: Project, **address: str) -> AppTest:
    key = shared().open(project.root, project.state)
    app = AppTest.from_function(_script, default_timeout=TIMEOUT_SECONDS, kwargs={"key": key})
    for name, value in address.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def _address(app: AppTest) -> dict[str, str]:
    names = [field.name for field in fields(Selection)]
    found = {name: app.query_params[name] for name in names if name in app.query_params}
    return {name: one if isinstance(one, str) else one[0] for name, one in found.items()}


def _chips(app: AppTest) -> list[str]:
    return [text.value for text in app.text]


def test_nothing_is_on_at_first(project: Project) -> None:
    app = _page(project)
    assert app.session_state["chosen"] == Selection()
    assert _chips(app) == []
    assert _address(app) == {}


def test_the_address_says_what_is_on(project: Project) -> None:
    app = _page(project, current="circle", low="0.25", order="-entropy")
    assert app.session_state["chosen"] == Selection(current="circle", low=0.25, order="-entropy")
    assert _chips(app) == [
        "Labelled circle",
        "Suggestion 25% to 100% sure",
        "In order of entropy, backwards",
    ]
    assert app.selectbox(key="filter-by-current").value == "circle"
    assert app.slider(key="filter-by-sure").value == (25, 100)
    assert app.checkbox(key="filter-by-falls").value


def test_what_is_chosen_goes_into_the_address(project: Project) -> None:
    app = _page(project)
    app.selectbox(key="filter-by-suggested").select("star").run()
    app.selectbox(key="filter-by-reason").select("views").run()
    app.text_input(key="filter-by-text").input(" 00 ").run()
    app.slider(key="filter-by-sure").set_range(20, 90).run()
    app.checkbox(key="filter-by-falls").check().run()
    assert not app.exception
    assert _address(app) == {
        "suggested": "star",
        "reason": "views",
        "low": "0.2",
        "high": "0.9",
        "text": "00",
        "order": "-rank",
    }


def test_a_number_in_the_address_stays_as_it_is_until_it_is_moved(project: Project) -> None:
    app = _page(project, low="0.123")
    app.selectbox(key="filter-by-status").select("any").run()
    assert _address(app) == {"low": "0.123", "status": "any"}


def test_who_asks_for_a_reviewer_is_shown_what_was_decided(project: Project) -> None:
    project.decide([Request(1, "accept")], reviewer="ann")
    app = _page(project)
    app.selectbox(key="filter-by-reviewer").select("ann").run()
    assert app.session_state["chosen"] == Selection(reviewer="ann", status="any")
    assert _address(app) == {"reviewer": "ann"}


def test_one_press_clears_all(project: Project) -> None:
    app = _page(project, current="circle", status="any", text="0")
    app.button(key="filter-clear").click().run()
    assert app.session_state["chosen"] == Selection()
    assert _address(app) == {}
    assert _chips(app) == []


def test_an_address_that_means_nothing_is_told_in_one_line(project: Project) -> None:
    app = _page(project, status="open", current="circle")
    assert app.error
    assert "Known: awaiting" in texts(app)
    assert app.session_state["chosen"] == Selection()


def test_a_class_that_is_gone_and_a_stranger_are_still_shown(project: Project) -> None:
    app = _page(project, current="pentagon", reviewer="nobody")
    assert app.selectbox(key="filter-by-current").value == "pentagon"
    assert app.selectbox(key="filter-by-reviewer").value == "nobody"


@pytest.mark.parametrize("name", ["<b>*x* `y`", "\u202eegap", os.fsdecode(b"caf\xe9"), ":red[a]"])
def test_a_hostile_class_is_chosen_shown_and_written_down(tmp_path: Path, name: str) -> None:
    project = Project(make_images(tmp_path / "odd", class_names=(name, "plain"), each=2))
    project.scan()
    open_round(project)
    app = _page(project)
    app.selectbox(key="filter-by-current").set_value(name).run()
    assert not app.exception
    assert app.session_state["chosen"].current == name
    again = _page(project, **_address(app))
    assert again.session_state["chosen"] == app.session_state["chosen"]
    found = project.selected(again.session_state["chosen"]).items
    assert {item.current_label for item in found} == {name}
    project.store.close()


def test_a_browser_remembers_under_a_name_of_the_dataset() -> None:
    assert filters.cookie_of("one") != filters.cookie_of("two")
