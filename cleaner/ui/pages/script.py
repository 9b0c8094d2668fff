"""The page script that Streamlit runs for each browser tab: picks the dataset and the page."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Literal

import streamlit as st
from streamlit.navigation.page import Page

from cleaner.items import shown_path
from cleaner.project import Project
from cleaner.ui import nametag, session
from cleaner.ui.pages import (
    audits,
    classes,
    history,
    map,
    model,
    overview,
    review,
    rounds,
    train,
    welcome,
)
from cleaner.ui.session import Session

_UI = Path(__file__).parent.parent
_SIDEBAR_WIDTH_PX = 232
PAGE_NAMES = (
    "overview",
    "review",
    "rounds",
    "audits",
    "map",
    "history",
    "classes",
    "train",
    "model",
)


def main() -> None:
    """Draw the page this tab is on."""
    st.set_page_config(
        page_title="Cleaner",
        page_icon=str(_UI / "icon.svg"),
        layout="wide",
        initial_sidebar_state=_SIDEBAR_WIDTH_PX,
    )
    st.logo(_UI / "icon.svg", size="large")
    st.html(_UI / "style.css")
    nametag.mount()
    here = session.current()
    page = _navigation(here)
    if here.project is not None:
        _sidebar(here.project)
    news = st.container()
    page.run()
    session.forget_presses()
    # Not before: the bare address leads on to a page, and what it drew is dropped.
    if here.project is not None:
        with news:
            _tell_opened(here.project)


def _navigation(here: Session) -> Page:
    """Return the page of this address; without a dataset, each address is the welcome page."""

    def go(name: str, parameters: Mapping[str, str] | None = None) -> None:
        st.switch_page(pages[name], query_params=parameters)

    rooms = _rooms(here, go)
    # Whoever asked for a review at the start wants to land on it.
    first = "review" if os.environ.get("CLEANER_START") == "1" else "overview"
    pages = {
        name: st.Page(room, title=name.capitalize(), url_path=name) for name, room in rooms.items()
    }
    # The bare address leads on instead of being one of the pages, whose own address would
    # then be unknown to Streamlit.
    home = rooms[first] if here.project is None else partial(go, first)
    start = st.Page(home, title="Cleaner", url_path="home", default=True, visibility="hidden")
    position: Literal["hidden", "sidebar"] = "hidden" if here.project is None else "sidebar"
    return st.navigation([start, *pages.values()], position=position)


def _rooms(here: Session, go: Callable[[str], None]) -> dict[str, Callable[[], None]]:
    project, key = here.project, here.key
    if project is None or key is None:
        return dict.fromkeys(PAGE_NAMES, partial(welcome.draw, here.problem))
    return {
        "overview": partial(overview.draw, project, go),
        "review": partial(review.draw, project, key, go),
        "rounds": partial(rounds.draw, project, go),
        "audits": partial(audits.draw, project, key, go),
        "map": partial(map.draw, project, key, go),
        "history": partial(history.draw, project, key),
        "classes": partial(classes.draw, project, key, go),
        "train": partial(train.draw, project),
        "model": partial(model.draw, project, go),
    }


def _sidebar(project: Project) -> None:
    with st.sidebar:
        with st.container(key="dataset-name"):
            st.text(shown_path(project.root.name))
        with st.container(key="dataset-path"):
            st.text(shown_path(str(project.root.parent)))
        if st.button("Open another dataset", width="stretch"):
            session.choose_another()
            st.rerun()


def _tell_opened(project: Project) -> None:
    """Say once what opening the dataset did: settle interrupted moves, upgrade the database."""
    told = st.session_state.setdefault("told_opened", set())
    if project.state in told:
        return
    told.add(project.state)
    if project.recovered:
        count = len(project.recovered)
        st.toast(
            f"{count} file moves were interrupted last time. They have been finished or taken "
            "back; no image was lost."
        )
    if project.store.upgrade is not None:
        st.text(shown_path(str(project.store.upgrade)))


if __name__ == "__main__":
    main()
