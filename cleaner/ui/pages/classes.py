"""The classes themselves: add, rename and merge them, take that back, and how they are."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from cleaner import classes
from cleaner.class_edits import ClassEdit
from cleaner.errors import CleanerError
from cleaner.items import shown_path
from cleaner.project import Project
from cleaner.ui import class_traits, clock, job_panel, session

_EDITS_SHOWN = 20


def draw(project: Project, key: str, go: Callable[..., None]) -> None:
    """Draw the page for the dataset with this key.

    `go` opens another one by name, with parameters for its address.
    """
    st.title("Classes")
    job = job_panel.draw(project, with_curves=False)
    st.markdown(
        "Labels follow at once, files with the next round. The labels that images came with stay "
        "as they are. A model that was trained before keeps the old names; train it again."
    )
    status, names = project.status(), project.class_names()
    left, right = st.columns([1, 1.25], gap="large")
    with left:
        st.dataframe(
            [{"Class": name, "Images": count} for name, count in status["classes"].items()],
            hide_index=True,
            height=min(440, 38 + 35 * max(1, len(names))),
        )
    with right:
        _tell()
        _forms(project, names, busy=job is not None)
        _history(project, busy=job is not None)
    class_traits.draw(project, key, go)


def _forms(project: Project, names: tuple[str, ...], *, busy: bool) -> None:
    add, rename, merge = st.tabs(["Add", "Rename", "Merge"])
    with add, st.form("class-add", border=False):
        name = st.text_input("Name of the new class", max_chars=255)
        if st.form_submit_button("Add", disabled=busy):
            _do(lambda: classes.add(project, name, reviewer=session.reviewer()))
    with rename, st.form("class-rename", border=False):
        old = st.selectbox("Class", names, format_func=shown_path)
        new = st.text_input("New name", max_chars=255)
        if st.form_submit_button("Rename", disabled=busy):
            _do(lambda: classes.rename(project, old, new, reviewer=session.reviewer()))
    with merge, st.form("class-merge", border=False):
        part = st.selectbox("This class", names, format_func=shown_path)
        into = st.selectbox("becomes part of", names, index=None, format_func=shown_path)
        if st.form_submit_button("Merge", disabled=busy):
            _do(lambda: classes.merge(project, part, into or "", reviewer=session.reviewer()))


def _history(project: Project, *, busy: bool) -> None:
    lineage = classes.history(project)
    if not lineage.edits:
        return
    st.subheader("Edits")
    here = clock.zone(st.context.timezone)
    by_id = {edit.edit_id: edit for edit in lineage.edits}
    st.dataframe(
        [
            {
                "When": clock.local(edit.edited_at, here),
                "What": _words(edit, by_id),
                "Images": edit.images,
                "Who": shown_path(edit.reviewer),
            }
            for edit in reversed(lineage.edits[-_EDITS_SHOWN:])
        ],
        hide_index=True,
    )
    if lineage.standing and st.button("Take the latest edit back", disabled=busy):
        _do(lambda: classes.undo(project, reviewer=session.reviewer()), back=True)


def _words(edit: ClassEdit, by_id: dict[int, ClassEdit]) -> str:
    return str(edit) if edit.undoes is None else f"Taken back: {by_id[edit.undoes]}"


def _do(change: Callable[[], ClassEdit], *, back: bool = False) -> None:
    try:
        edit = change()
    except CleanerError as error:
        st.session_state["class-edit"] = shown_path(str(error))
    else:
        start = "Taken back: " if back else ""
        st.session_state["class-edit"] = f"{start}{edit}. {edit.images:,} images."
    st.rerun()


def _tell() -> None:
    """Say once what the latest edit did, or why it was refused."""
    told = st.session_state.pop("class-edit", None)
    if told is not None:
        with st.container(border=True):
            st.text(told)
