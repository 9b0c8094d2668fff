"""What this dataset is, how healthy it is, and what to do next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from cleaner.decisions import Round
from cleaner.project import Project
from cleaner.ui import actions, charts, job_panel
from cleaner.ui.next_step import Step, next_step
from cleaner.ui.pace import duration

_FINDINGS_SHOWN = 1000


def draw(project: Project, go: Callable[[str], None]) -> None:
    """Draw the page; `go` opens another one by name."""
    st.title("Overview")
    job = job_panel.draw(project, with_curves=False)
    status, history = project.status(), project.rounds()
    step = next_step(
        history,
        project.models(),
        awaiting=status["awaiting_review"],
        busy=job is not None,
    )
    _next_step(project, step, go)
    if not history:
        _how_it_goes()
    if status["images"]:
        _numbers(status, history)
        _classes_and_findings(project, status)
    if history:
        _rounds(history)


def _next_step(project: Project, step: Step, go: Callable[[str], None]) -> None:
    if not step.button:
        return
    with st.container(border=True, key="next-step"):
        words, press = st.columns([4, 1.3], vertical_alignment="center")
        with words:
            st.markdown(f"#### {step.title}")
            st.markdown(step.detail)
        pressed = press.button(step.button, type="primary", width="stretch", key="next")
    if not pressed:
        return
    if step.kind == "score":
        job_panel.start(project, "score", actions.score_settings(project).as_json())
    elif step.kind == "retrain":
        job_panel.start(project, "round", actions.score_settings(project).as_json())
    else:
        go("review" if step.kind == "review" else "model")


def _how_it_goes() -> None:
    columns = st.columns(len(_STEPS), gap="medium")
    for number, (column, (title, words)) in enumerate(zip(columns, _STEPS, strict=True), 1):
        with column.container(border=True, height="stretch"):
            st.markdown(f"**{number}. {title}**")
            st.markdown(words)


_STEPS = (
    ("Score", "A pretrained network says which labels do not fit. That takes a few minutes, once."),
    ("Review", "The suspects come up one by one. One key keeps the label or puts it right."),
    ("Clean and retrain", "The files move into their class folders, and the network looks again."),
    ("Train", "When little is left, train a MobileNet on the clean labels and download it."),
)


def _numbers(status: dict[str, Any], history: list[Round]) -> None:
    decided = status["decided"]
    cells = [
        ("Images", f"{status['images']:,}", "readable images in the class folders"),
        ("Classes", f"{len(status['classes']):,}", "class folders"),
        ("Await review", f"{status['awaiting_review']:,}", "suspects without a decision"),
        ("Moved", f"{decided['moved']:,}", "images with another label than they came with"),
        ("Excluded", f"{decided['excluded']:,}", "images taken out"),
    ]
    if history:
        agreement = f"{history[-1].accuracy:.1%}"
        cells.append(("Agreement", agreement, "predicted labels that equal the current ones"))
    if status["planted_errors"] is not None:
        found = f"{status['planted_errors_found']} of {status['planted_errors']}"
        cells.append(("Errors found", found, "of the labels that the demo made wrong on purpose"))
    for column, (name, value, words) in zip(st.columns(len(cells)), cells, strict=True):
        column.metric(name, value, help=words)


def _classes_and_findings(project: Project, status: dict[str, Any]) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Images in each class")
        st.altair_chart(charts.class_counts(status["classes"]))
    with right:
        rows = actions.finding_rows(project.findings(limit=_FINDINGS_SHOWN))
        st.subheader("Findings")
        if not rows:
            st.markdown("Every file could be read, and none of them stands out.")
            return
        st.dataframe(
            rows,
            hide_index=True,
            height=min(420, 38 + 35 * len(rows)),
            column_config={
                "what": st.column_config.TextColumn("Finding", width="small"),
                "file": st.column_config.TextColumn("File", width="medium"),
                "detail": st.column_config.TextColumn("Detail", width="large"),
                "others": st.column_config.TextColumn("Other files", width="medium"),
            },
        )
        if len(rows) == _FINDINGS_SHOWN:
            st.text(actions.all_findings(project.finding_counts()))


def _rounds(history: list[Round]) -> None:
    st.subheader("Rounds")
    st.dataframe(
        [
            {
                "Round": one.round_id,
                "Images": one.images,
                "Flagged": one.flagged,
                "Reviewed": one.reviewed,
                "Relabelled": one.relabelled,
                "Excluded": one.excluded,
                "Agreement": f"{one.accuracy:.1%}",
                "Took": duration(one.seconds.get("total", 0.0)),
            }
            for one in reversed(history)
        ],
        hide_index=True,
    )
    if len(history) > 1:
        st.altair_chart(charts.rounds(history))
