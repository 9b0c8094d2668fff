"""Which dataset this browser tab looks at: in the address, so that a reload shows it again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import streamlit as st

from cleaner.errors import CleanerError
from cleaner.project import Project
from cleaner.ui.registry import from_environment, shared

_PARAMETER = "dataset"
_CHOOSING = "new"
_NAME = "reviewer"
_NAME_COOKIE = "cleaner_reviewer"  # as browser/reviewer.js writes it
_MOST_LETTERS = 100
_PRESSED = "pressed"


@dataclass(frozen=True, slots=True)
class Session:
    """What this tab has open.

    Attributes:
        key: names the dataset in addresses, or None on the welcome page.
        project: the dataset.
        problem: why the dataset that was asked for is not open, or None.
    """

    key: str | None = None
    project: Project | None = None
    problem: str | None = None


def current() -> Session:
    """Return what this tab looks at and keep it in the address across pages."""
    key = st.query_params.get(_PARAMETER) or st.session_state.get(_PARAMETER)
    if key == _CHOOSING:
        return Session()
    problem = None
    if key is None:
        named = from_environment(shared())
        key, problem = named.key, named.problem
    if key is None:
        return Session(problem=problem)
    try:
        project = shared().get(key)
    except CleanerError as error:
        _forget()
        return Session(problem=str(error))
    _keep(key)
    return Session(key=key, project=project)


def open_dataset(root: Path, state: Path | None = None) -> None:
    """Show another dataset in this tab.

    Raises:
        CleanerError: it cannot be opened; this tab stays where it is.
    """
    _keep(shared().open(root, state))


def choose_another() -> None:
    """Show the welcome page in this tab."""
    _keep(_CHOOSING)


def reviewer() -> str:
    """Return who looks at this tab, as the log names them: by login, or as this browser says."""
    return _login() or named()


def named() -> str:
    """Return the name that this browser gives, or ""."""
    # A cookie is read when a tab opens; what is said since then goes before it.
    if _NAME in st.session_state:
        return str(st.session_state[_NAME])
    kept = st.context.cookies.get(_NAME_COOKIE)
    return _tidy(unquote(kept)) if isinstance(kept, str) else ""


def take_name(name: object) -> None:
    """Note the name that this browser gives from now on."""
    st.session_state[_NAME] = _tidy(str(name))


def note_press(key: str) -> None:
    """Note that something was pressed: for Streamlit to call, before it runs the page."""
    st.session_state.setdefault(_PRESSED, set()).add(key)


def pressed(key: str) -> bool:
    """Return whether it was pressed since this was last asked.

    What a button returns itself is lost where another event of the browser, as the deck sends
    them by itself, begins a new run before this one came to the button.
    """
    noted = st.session_state.get(_PRESSED, set())
    was_pressed = key in noted
    noted.discard(key)
    return was_pressed


def forget_presses() -> None:
    """Forget what nothing on the page acted upon, now that all of it was drawn."""
    st.session_state.pop(_PRESSED, None)


def _tidy(name: str) -> str:
    return " ".join(name.split())[:_MOST_LETTERS]


def _login() -> str:
    user = st.user.to_dict() if st.user.get("is_logged_in") else {}
    return str(user.get("email") or user.get("sub") or "")


def _keep(key: str) -> None:
    st.session_state[_PARAMETER] = key
    if st.query_params.get(_PARAMETER) != key:
        st.query_params[_PARAMETER] = key


def _forget() -> None:
    st.session_state.pop(_PARAMETER, None)
    st.query_params.pop(_PARAMETER, None)
