"""The queue, one key an image, and the button that turns decisions into a new round."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from cleaner import opinions
from cleaner.decisions import Round
from cleaner.project import Project
from cleaner.selection import QUEUE, Selection
from cleaner.ui import actions, filters, job_panel, second_opinions, session
from cleaner.ui.deck import DECK
from cleaner.ui.grid import GRID
from cleaner.ui.next_step import Step, next_step
from cleaner.ui.surface import Task, mount

# How the queue is shown, as the switch says it and as the address remembers it.
_DECK, _GRID, _SECOND = "One by one", "Grid", "Second opinion"
_VIEW = "view"
# Whether files move -> the tick beside "Clean and retrain", and what it means.
_APPLYING = {
    True: (
        "Move the files",
        (
            "Into their class folders; excluded images go to the quarantine folder. "
            "Every move can be undone."
        ),
    ),
    False: (
        "Write a new manifest",
        (
            "Beside the one that is open, which stays as it is: with the labels of now and "
            "without excluded images. No image is moved or copied."
        ),
    ),
}
_SURFACES = {_DECK: DECK, _GRID: GRID, _SECOND: DECK}


def draw(project: Project, key: str, go: Callable[[str], None]) -> None:
    """Draw the page for the dataset with this key; `go` opens another page by name."""
    job = job_panel.draw(project, with_curves=False)
    history = project.rounds()
    if not history:
        if job is None:
            _not_scored(project)
        return
    latest = history[-1]
    view, selection = _bar(project, key, latest, busy=job is not None)
    if view == _SECOND:
        second_opinions.draw(project)
    else:
        filters.tell(key, selection)
    step = _end(project, history, busy=job is not None)
    task = Task(key, latest.round_id, latest.flagged, step, selection, second=view == _SECOND)
    pressed = mount(_SURFACES[view], task)
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


def _bar(project: Project, key: str, latest: Round, *, busy: bool) -> tuple[str, Selection]:
    """Draw what the round came to and what follows; return how what of the queue is shown."""
    # A row that wraps, where columns of a narrow window would cut the switch off.
    with st.container(
        horizontal=True,
        vertical_alignment="center",
        horizontal_alignment="distribute",
        gap="small",
        key="round-bar",
    ):
        st.markdown(_sentence(latest), width="content")
        # A share of what was decided is drawn at random, and not from what is looked at.
        is_second = st.session_state.get(_VIEW, st.query_params.get(_VIEW)) == _SECOND
        selection = QUEUE if is_second else filters.draw(project, key)
        _settle_button(project, key)
        view = _view()
        if not busy:
            _retrain_button(project)
    return view, selection


def _settle_button(project: Project, key: str) -> None:
    """Offer what two people differ on, wherever one is."""
    left = opinions.to_settle(project.store)
    if left:
        st.button(f"{left:,} to settle", key="settle", on_click=_settle, args=(key,))


def _settle(key: str) -> None:
    st.session_state[_VIEW] = _DECK
    filters.choose(key, Selection(status="disputed"))


def _view() -> str:
    """Draw the switch between one picture and many; return which is chosen."""
    # Not as the widget's default: Streamlit takes none for what a button may set as well.
    if _VIEW not in st.session_state and _VIEW not in st.query_params:
        st.session_state[_VIEW] = _DECK
    chosen = st.segmented_control(
        "How the queue is shown",
        tuple(_SURFACES),
        required=True,
        label_visibility="collapsed",
        key=_VIEW,
        bind="query-params",
    )
    return chosen or _DECK


def _retrain_button(project: Project) -> None:
    label, about = _APPLYING[project.origin.moves_files]
    moves_files = st.checkbox(label, value=True, key="move-files", width="content", help=about)
    st.button("Clean and retrain", key="retrain", on_click=session.note_press, args=("retrain",))
    if session.pressed("retrain"):
        _retrain(project, moves_files=moves_files)


def _sentence(latest: Round) -> str:
    counts = f"{latest.reviewed:,} reviewed · {latest.relabelled + latest.excluded:,} changed"
    return f"**Round {latest.round_id}** · {counts}"


def _retrain(project: Project, *, moves_files: bool) -> None:
    kind = "round" if moves_files else "score"
    job_panel.start(project, kind, actions.score_settings(project).as_json())
