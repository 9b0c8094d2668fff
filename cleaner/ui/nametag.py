"""Who sits at this browser: the name it keeps is told to every page that writes it into the log."""

from __future__ import annotations

import streamlit as st

from cleaner.ui import browser, session

_KEY = "nametag"


def mount() -> None:
    """Learn the name that this browser goes by, and hear of another one, on whichever page.

    It is a value that the browser sends along with each event, so that none is without it: what
    is told once, as a button's press is, is lost where somebody goes on to the next page at once.
    """
    said = st.components.v2.component("cleaner_nametag", js=browser.nametag())(
        key=_KEY, data={"reviewer": session.named()}, on_reviewer_change=_nothing
    )
    name = said.get("reviewer")
    if name is not None:
        session.take_name(name)


def _nothing() -> None:
    """Streamlit keeps values only where a callback is given."""
