"""What this dataset is, how healthy it is, and what to do next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from cleaner import health
from cleaner.decisions import Round
from cleaner.outlook import Outlook
from cleaner.project import Project
from cleaner.ui import actions, charts, job_panel
from cleaner.ui.next_step import Step, next_step
from cleaner.ui.pace import duration

_FINDINGS_SHOWN = 1000
_CLASSES_SHOWN = 40


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
    if history:
        _verdict(project.outlook(), go)
    if status["images"]:
        _numbers(status, history)
        _classes_and_health(project)
    if history:
        _flow(project)
        _rounds(history)
    _findings(project)


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


def _verdict(outlook: Outlook, go: Callable[[str], None]) -> None:
    """Say whether it is clean enough, once there is anything to say."""
    if outlook.alarm:
        st.error(outlook.alarm)
    if outlook.verdict is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="verdict"):
        words = outlook.verdict.words
        st.text(words[:1].upper() + words[1:], width="stretch")
        if st.button("What the rounds brought", key="to-rounds", type="tertiary"):
            go("rounds")


def _how_it_goes() -> None:
    columns = st.columns(len(_STEPS), gap="medium")
    for number, (column, (title, words)) in enumerate(zip(columns, _STEPS, strict=True), 1):
        with column.container(border=True, height="stretch"):
            st.markdown(f"**{number}. {title}**")
            st.markdown(words)


_STEPS = (
    ("Score", "A pretrained network says which labels do not fit. That takes a few minutes, once."),
    ("Review", "The suspects come up one by one. One key keeps the label or puts it right."),
    (
        "Clean and retrain",
        "Files move to their classes, or a new manifest is written. Then the network looks again.",
    ),
    ("Train", "When little is left, train a MobileNet on the clean labels and download it."),
)


def _numbers(status: dict[str, Any], history: list[Round]) -> None:
    decided = status["decided"]
    cells = [
        ("Images", f"{status['images']:,}", "readable images of the dataset"),
        ("Classes", f"{len(status['classes']):,}", "what images are labelled as"),
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


def _classes_and_health(project: Project) -> None:
    sizes = health.before_and_now(project.label_flow(), project.class_names())
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Images in each class")
        shown = dict(list(sizes.items())[:_CLASSES_SHOWN])
        if len(sizes) > _CLASSES_SHOWN:
            st.text(f"The {_CLASSES_SHOWN} largest of {len(sizes):,} classes.")
        st.altair_chart(charts.class_sizes(shown), key="class-sizes")
    with right:
        st.subheader("Health")
        now = {name: after for name, (_before, after) in sizes.items()}
        rows = actions.concern_rows(health.concerns(now, project.finding_kinds()))
        if rows:
            st.dataframe(rows, hide_index=True, key="health", column_config=_CONCERN_COLUMNS)
        else:
            st.markdown("Every file could be read, and no class is small.")


_CONCERN_COLUMNS = {
    "severity": st.column_config.TextColumn("Severity", width=70),
    "what": st.column_config.TextColumn("What", width=130),
    "count": st.column_config.NumberColumn("Count", width=60, format="localized"),
    "detail": st.column_config.TextColumn("Detail", width="large"),
}


def _flow(project: Project) -> None:
    st.subheader("Which class became which")
    what = st.segmented_control(
        "Changes", list(_FLOWS), default=_DECIDED, label_visibility="collapsed", key="flow"
    )
    words, titles = _FLOWS[what or _DECIDED]
    pairs = project.suggestions() if what == _SUGGESTED else health.became(project.label_flow())
    if not pairs:
        st.markdown(words)
        return
    table, heat = st.columns([1, 1.6], gap="large")
    table.dataframe(actions.flow_rows(pairs, titles), hide_index=True, key="flow-table")
    on_dark = st.context.theme.type == "dark"
    heat.altair_chart(charts.flow(pairs, titles=titles, on_dark=on_dark), key="flow-heat")


_DECIDED, _SUGGESTED = "What was changed", "What the queue suggests"
_FLOWS = {
    _DECIDED: ("No label was changed yet.", ("label it came with", "label now")),
    _SUGGESTED: ("Nothing awaits review.", ("label now", "suggested label")),
}


def _findings(project: Project) -> None:
    rows = actions.finding_rows(project.findings(limit=_FINDINGS_SHOWN))
    if not rows:
        return
    st.subheader("Findings")
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
        counts, agreement = st.columns([1.6, 1], gap="large")
        counts.altair_chart(charts.rounds(history), key="rounds")
        agreement.altair_chart(charts.agreement(history), key="agreement")
