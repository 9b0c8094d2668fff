"""What a background job is doing, on every page: progress, curves, cancel, and what went wrong."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from cleaner import jobs
from cleaner.errors import CleanerError
from cleaner.items import shown_path
from cleaner.project import Project
from cleaner.store.jobs import Job
from cleaner.ui import charts, session
from cleaner.ui.pace import fraction, pace

_REFRESH_SECONDS = 1.0

KIND_WORDS = {
    "scan": "Reading the folder",
    "score": "Looking for suspect labels",
    "round": "Cleaning and retraining",
    "train": "Training the final model",
    "grid": "Training several final models",
    "extend": "Joining ImageNet's classes",
    "receipt": "Measuring the models",
    "undo": "Taking decisions back",
    "exclude": "Excluding images",
    "include": "Taking decisions back",
    "map": "Drawing the map",
    "export": "Converting the model",
}


def draw(project: Project, *, with_curves: bool = True) -> Job | None:
    """Draw the active job, or how the last one failed; return the active one.

    Args:
        project: the dataset.
        with_curves: also plot the numbers a running job reports.
    """
    job = jobs.active(project)
    if job is not None:
        _running(project, job.job_id, with_curves)
        return job
    last = jobs.recent(project, limit=1)
    if last and last[0].state in ("failed", "cancelled"):
        _ended_early(project, last[0])
    return None


def start(project: Project, kind: str, settings: dict[str, object]) -> None:
    """Start a job and draw the page anew, or show in one line why it cannot start."""
    try:
        jobs.start(project, kind, settings)
    except CleanerError as error:
        st.error("The job was not started.")
        st.text(shown_path(str(error)))
        return
    st.rerun()


@st.fragment(run_every=_REFRESH_SECONDS)
def _running(project: Project, job_id: int, with_curves: bool) -> None:  # noqa: FBT001
    job = jobs.get(project, job_id)
    if not job.active or jobs.active(project) is None or _stage_is_new(job):
        st.rerun()
    with st.container(border=True, key="job", gap="xsmall"):
        what, words, stop = st.columns([2, 5, 1], vertical_alignment="center")
        what.markdown(f"**{KIND_WORDS.get(job.kind, 'A job is running')}**")
        words.text(_sentence(job))
        with stop:
            _cancel_button(project, job)
        st.progress(fraction(job))
        if job.message:
            st.text(shown_path(job.message))
        if with_curves:
            draw_curves(job.curves, step="step")


def _stage_is_new(job: Job) -> bool:
    """Tell whether the page around the panel was drawn in an earlier stage of the job."""
    stage = (job.job_id, job.stage)
    drawn = st.session_state.setdefault("drawn_stage", stage)
    st.session_state["drawn_stage"] = stage
    return bool(drawn != stage)


def _sentence(job: Job) -> str:
    measured = pace(job, datetime.now(UTC))
    return f"{job.stage} · {measured}" if measured else f"{job.stage} …"


def _cancel_button(project: Project, job: Job) -> None:
    words = "Stopping …" if job.cancel_requested else "Cancel"
    st.button(
        words,
        key="cancel-job",
        disabled=job.cancel_requested,
        width="stretch",
        on_click=_cancel,
        args=(project,),
    )


def _cancel(project: Project) -> None:
    jobs.cancel(project)


def draw_curves(curves: dict[str, list[float]], *, step: str) -> None:
    """Plot named numbers, losses apart from accuracies, with a mark where a phase began."""
    kinds = charts.split_curves(curves)
    if not kinds:
        return
    on_dark = st.context.theme.type == "dark"
    for column, (kind, values) in zip(st.columns(len(kinds)), kinds.items(), strict=True):
        with column:
            chart = charts.curves(
                values, step=step, switches=charts.switches(curves), on_dark=on_dark
            )
            st.altair_chart(chart, key=f"curves-{kind}-{step}")


def _ended_early(project: Project, job: Job) -> None:
    dismissed = st.session_state.setdefault("dismissed_jobs", set())
    if job.job_id in dismissed:
        return
    with st.container(border=True, key="job-ended"):
        words, again, away = st.columns([6, 1.6, 1.2], vertical_alignment="center")
        with words:
            kind = KIND_WORDS.get(job.kind, "The job")
            if job.state == "failed":
                st.markdown(f":red[**{kind} stopped**]")
                st.text(shown_path(job.error or "It left no message."))
            else:
                st.markdown(f"**{kind} was cancelled**")
                st.text("What was finished is kept.")
        again.button(
            "Start again",
            key="again",
            type="primary",
            width="stretch",
            on_click=session.note_press,
            args=("again",),
        )
        away.button(
            "Dismiss",
            key="dismiss",
            width="stretch",
            on_click=dismissed.add,
            args=(job.job_id,),
        )
    if session.pressed("again"):
        start(project, job.kind, job.settings)
