"""What is drawn of second opinions: the question for them, and how far people agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import streamlit as st

from cleaner import opinions
from cleaner.cells import guarded
from cleaner.items import shown_path
from cleaner.opinions import Figures
from cleaner.project import Project
from cleaner.raters import Accord
from cleaner.ui import session

_USUAL_SHARE = 50
_MOST = 100_000
_WHICH = {
    "decided": "of all that was decided",
    "changed": "of what was moved or excluded",
}


def draw(project: Project) -> None:
    """Draw how second opinions stand, and the button that asks for more."""
    found = opinions.figures(project.store)
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", key="second-opinions"
    ):
        with st.popover("Ask for opinions", width="content"):
            _form(project, found)
        st.markdown(sentence(found), width="content")


def sentence(found: Figures) -> str:
    """Return one line on how they stand."""
    waiting = f"{found.waiting:,} {'waits' if found.waiting == 1 else 'wait'}"
    both = found.overall
    if both.share is None:
        return f"{waiting} for an opinion · none given yet"
    agreed = f"{both.agreed:,} of {both.images:,} agree ({both.share:.0%})"
    return f"{waiting} for an opinion · {agreed} · Cohen's kappa {both.kappa_in_words}"


def _form(project: Project, found: Figures) -> None:
    st.markdown(
        "Somebody else judges these images again, knowing neither what was decided nor what the "
        "model suggests. Where the two differ, the image comes up to be settled."
    )
    most = st.number_input(
        "Images, drawn at random", 1, _MOST, value=_USUAL_SHARE, key="second-most"
    )
    which = st.selectbox("Which", list(_WHICH), format_func=_WHICH.__getitem__, key="second-which")
    note = session.note_press
    st.button(
        "Ask", type="primary", key="second-ask", width="stretch", on_click=note, args=("ask",)
    )
    if session.pressed("ask"):
        asked = opinions.ask(
            project.store,
            np.random.default_rng(),
            most=int(most),
            which=which,
            asker=session.reviewer(),
        )
        st.session_state["second-asked"] = asked
        st.rerun()
    asked = st.session_state.pop("second-asked", None)
    if asked is not None:
        st.text(_answer(asked))
    if found.waiting:
        st.button(
            "Ask no more",
            key="second-withdraw",
            width="stretch",
            on_click=_withdraw,
            args=(project,),
        )


def _withdraw(project: Project) -> None:
    opinions.withdraw(project.store)


def _answer(asked: int) -> str:
    if asked:
        return f"Asked about {asked:,} {'image' if asked == 1 else 'images'}."
    return (
        "There is none to ask about: none is decided by somebody with a name, or all of them "
        "were asked about before."
    )


def draw_agreement(project: Project) -> None:
    """Draw how far people agree, if somebody was asked or has answered."""
    found = opinions.figures(project.store)
    if not found.any:
        return
    with st.container(border=True, key="agreement"):
        st.markdown(f"**Second opinions** · {sentence(found)}")
        if found.to_settle:
            st.markdown(f"{found.to_settle:,} to settle, on the page Review.")
        if found.pairs:
            st.dataframe(list(pair_rows(found.pairs)), hide_index=True, key="agreement-pairs")


def pair_rows(pairs: tuple[Accord, ...]) -> Iterator[dict[str, Any]]:
    """Yield how far each two people agree as table rows."""
    for pair in pairs:
        one, other = (guarded(shown_path(name)) for name in pair.reviewers)
        yield {
            "Reviewer": one,
            "and": other,
            "Images": pair.images,
            "Agreed": pair.agreed,
            "Share": f"{pair.share or 0:.0%}",
            "Cohen's kappa": pair.kappa_in_words,
        }
