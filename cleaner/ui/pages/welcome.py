"""The page without a dataset: open a folder, go back to one, or make the demo."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from cleaner import demo, origins
from cleaner.addresses import located
from cleaner.errors import CleanerError
from cleaner.items import shown_path
from cleaner.ui import session
from cleaner.ui.registry import shared

DEMO_FOLDER = Path("data/demo")


def draw(problem: str | None) -> None:
    """Draw the welcome page; `problem` says why the folder asked for is not open."""
    _left, middle, _right = st.columns([1, 4, 1])
    with middle:
        st.title("Find and fix wrong image labels")
        st.markdown(
            "Cleaner looks at a folder of images, one sub-folder a class, or at a manifest "
            "(a CSV or Parquet table with the columns uri and label), shows you the labels "
            "that do not fit, takes your decision with one key, and trains a MobileNet on what "
            "is left. Everything stays on this computer."
        )
        if problem:
            _problem("This folder could not be opened.", problem)
        _open_form()
        _recent()
        _demo()


def _open_form() -> None:
    with st.container(border=True), st.form("open-folder", border=False):
        field, press = st.columns([5, 1], vertical_alignment="bottom")
        path = field.text_input(
            "Folder that holds the class folders, or a manifest",
            placeholder="/home/you/photos",
            key="folder",
        )
        pressed = press.form_submit_button("Open", type="primary", width="stretch")
    if pressed:
        _open(path.strip())


def _open(path: str) -> None:
    if not path:
        st.error("Type the path of a folder first.")
        return
    try:
        session.open_dataset(Path(path))
    except CleanerError as error:
        _problem("This folder could not be opened.", str(error))
        return
    st.rerun()


def _recent() -> None:
    entries = [entry for entry in shared().recent() if origins.is_there(located(Path(entry.root)))]
    if not entries:
        return
    st.subheader("Opened before")
    for entry in entries[:6]:
        name, press = st.columns([5, 1], vertical_alignment="center")
        name.text(shown_path(entry.root))
        if press.button("Open", key=f"recent-{entry.key}", width="stretch"):
            _reopen(Path(entry.root), Path(entry.state))


def _reopen(root: Path, state: Path) -> None:
    try:
        session.open_dataset(root, state)
    except CleanerError as error:
        _problem("This folder could not be opened.", str(error))
        return
    st.rerun()


def _demo() -> None:
    st.subheader("No folder at hand?")
    words, press = st.columns([4, 2], vertical_alignment="center")
    words.markdown(
        "The demo is a thousand handwritten digits, some of them filed in the wrong folder on "
        "purpose, so that you can see how many you find."
    )
    if press.button("Make the demo dataset", width="stretch"):
        _make_demo()


def _make_demo() -> None:
    try:
        with st.spinner("Making the demo dataset"):
            demo.make(DEMO_FOLDER)
        session.open_dataset(DEMO_FOLDER)
    except CleanerError as error:
        _problem("The demo could not be made.", str(error))
        return
    st.rerun()


def _problem(title: str, detail: str) -> None:
    with st.container(border=True, key="problem"):
        st.markdown(f":red[**{title}**]")
        st.text(shown_path(detail))
