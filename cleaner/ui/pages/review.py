"""The queue, one key an image, and the button that turns decisions into a new round."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from cleaner.decisions import Round
from cleaner.project import Project
from cleaner.ui import actions, filters, job_panel
from cleaner.ui.deck import deck
from cleaner.ui.grid import grid
from cleaner.ui.next_step import Step, next_step

# How the queue is shown, as the switch says it and as the address remembers it.
_DECK, _GRID = "One by one", "Grid"


def draw(project: Project, key: str, go: Callable[[str], None]) -> None:
    """Draw the page for the dataset with this key; `go` opens another page by name."""
    job = job_panel.draw(project, with_curves=False)
    history = project.rounds()
    if not history:
        if job is None:
            _not_scored(project)
        return
    latest = history[-1]
    view = _round_bar(project, latest, busy=job is not None)
    step = _end(project, history, busy=job is not None)
    selection = filters.draw(project, key)
    if view == _GRID:
        pressed = grid(key, round_id=latest.round_id, end=step, selection=selection)
    else:
        pressed = deck(
            key, round_id=latest.round_id, flagged=latest.flagged, end=step, selection=selection
        )
    if pressed and step.kind == "retrain":
        _retrain(project, moves_files=st.session_state.get("move-files", True))
    elif pressed:
        go("model")


def _end(project: Project, history: list[Round], *, busy: bool) -> Step:
    """Return what follows once the queue is empty."""
    return next_step(history, project.models(), awaiting=0, busy=busy)


def _not_scored(project: Project) -> None:
    st.title("Review")
    with st.container(border=True, key="next-step"):
        words, press = st.columns([4, 1.3], vertical_alignment="center")
        with words:
            st.markdown("#### Nothing is ranked yet")
            st.markdown(
                "A pretrained network first looks at every image and says which labels do not "
                "fit. Then they appear here, the most suspect first."
            )
        if press.button("Find suspect labels", type="primary", width="stretch", key="next"):
            job_panel.start(project, "score", actions.score_settings(project).as_json())


def _round_bar(project: Project, latest: Round, *, busy: bool) -> str:
    """Draw what the round came to and what follows; return how the queue is shown."""
    # A row that wraps, where columns of a narrow window would cut the switch off.
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        st.markdown(_sentence(latest), width="content")
        view = _view()
        if not busy:
            _retrain_button(project)
    return view


def _view() -> str:
    """Draw the switch between one picture and many; return which is chosen."""
    chosen: str = st.segmented_control(
        "How the queue is shown",
        (_DECK, _GRID),
        default=_DECK,
        required=True,
        label_visibility="collapsed",
        key="view",
        bind="query-params",
    )
    return chosen


def _retrain_button(project: Project) -> None:
    moves_files = st.checkbox(
        "Move the files into their class folders",
        value=True,
        key="move-files",
        width="content",
        help="Excluded images go to the quarantine folder. Every move can be undone.",
    )
    if st.button("Clean and retrain", key="retrain"):
        _retrain(project, moves_files=moves_files)


def _sentence(latest: Round) -> str:
    counts = f"{latest.reviewed:,} reviewed · {latest.relabelled + latest.excluded:,} changed"
    return f"**Round {latest.round_id}** · {counts}"


def _retrain(project: Project, *, moves_files: bool) -> None:
    kind = "round" if moves_files else "score"
    job_panel.start(project, kind, actions.score_settings(project).as_json())
