"""How the images are scored, and the jobs that ran."""

from __future__ import annotations

from typing import Any

import streamlit as st

from cleaner import jobs
from cleaner.backbones import backbone_names
from cleaner.errors import SettingsError
from cleaner.items import shown_path
from cleaner.project import Project
from cleaner.settings import FEATURE_PLACES, MODES, PRECISIONS, ScoreSettings
from cleaner.store.jobs import Job
from cleaner.ui import actions, engine, job_panel

_JOBS_SHOWN = 30
_MODE_WORDS = {
    "features": "Small models on frozen features",
    "finetune": "A network on the images themselves, too",
}
_MODE_CAPTIONS = {
    "features": "Minutes; a later round takes seconds.",
    "finetune": "Finds more and takes far longer; uses a graphics card where there is one.",
}


def draw(project: Project) -> None:
    """Draw the page."""
    st.title("Train")
    st.markdown(
        "A round trains a committee of small models on features of pretrained networks, several "
        "times, so that each image is judged by some that never saw it. What is probably "
        "mislabelled goes to the review queue."
    )
    job = job_panel.draw(project)
    _scoring(project, busy=job is not None)
    _past_jobs(jobs.recent(project, limit=_JOBS_SHOWN))


def _scoring(project: Project, *, busy: bool) -> None:
    used = actions.score_settings(project)
    with st.form("scoring"):
        st.subheader("Score again")
        names = st.multiselect(
            "Backbones",
            [*used.backbones, *(n for n in backbone_names() if n not in used.backbones)],
            default=list(used.backbones),
            help="Pretrained networks whose features are used. Two different ones find more "
            "errors and take longer. The four first ones need no network connection.",
        )
        views, folds, seed, precision, place = st.columns(5)
        settings: dict[str, Any] = {
            "views": views.number_input(
                "Views", 1, 64, used.views, help="Augmented looks at each image; more is steadier."
            ),
            "folds": folds.number_input(
                "Folds", 2, 50, used.folds, help="In how many parts the images are held out."
            ),
            "seed": seed.number_input("Seed", 0, 2**31 - 1, used.seed, help="Repeats a run."),
            "precision": precision.selectbox(
                "Precision",
                PRECISIONS,
                PRECISIONS.index(used.precision),
                help="int8 is quicker; auto takes it where the ranking does not suffer.",
            ),
            "features": place.selectbox(
                "Features in",
                FEATURE_PLACES,
                FEATURE_PLACES.index(used.features),
                help="Where the features are while small models learn from them. The ranking is "
                "the same; on disk they need no memory, and more time. auto takes the memory if "
                "they fit.",
            ),
        }
        settings |= _mode(used)
        if engine.is_chosen():
            settings |= engine.ask(used, "Where the images are looked at", st.columns([1, 2, 1, 1]))
        pressed = st.form_submit_button("Score the images", type="primary", disabled=busy)
    if pressed:
        _start(project, names, settings)


def _mode(used: ScoreSettings) -> dict[str, Any]:
    mode = st.radio(
        "What is trained",
        MODES,
        index=MODES.index(used.mode),
        format_func=_MODE_WORDS.__getitem__,
        captions=[_MODE_CAPTIONS[mode] for mode in MODES],
    )
    name, epochs, fraction, side = st.columns(4)
    return {
        "mode": mode,
        "fine_tune_backbone": name.selectbox(
            "Network to fine-tune",
            list(dict.fromkeys((used.fine_tune_backbone, *backbone_names()))),
            help="Used only when a network is fine-tuned, as the three settings beside it.",
        ),
        "fine_tune_epochs": epochs.number_input(
            "Epochs", 1, 1_000, used.fine_tune_epochs, help="At most this many passes a fold."
        ),
        "fine_tune_fraction": fraction.number_input(
            "Unfrozen share", 0.0, 1.0, used.fine_tune_fraction, 0.1, help="From the top; 1 is all."
        ),
        "fine_tune_side_px": side.number_input(
            "Side in pixels",
            32,
            1_024,
            used.fine_tune_side_px,
            placeholder="by itself",
            help="At which the network sees the images; left empty, their own size decides.",
        ),
    }


def _start(project: Project, names: list[str], settings: dict[str, Any]) -> None:
    try:
        wanted = ScoreSettings(backbones=tuple(names), **settings)
    except SettingsError as error:
        st.error(str(error))
        return
    job_panel.start(project, "score", wanted.as_json())


def _past_jobs(past: list[Job]) -> None:
    if not past:
        return
    st.subheader("Jobs")
    chosen = st.dataframe(
        [_row(job) for job in past],
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key="jobs",
        height=min(300, 38 + 35 * len(past)),
    )
    rows = chosen["selection"]["rows"]
    job = past[rows[0]] if rows and rows[0] < len(past) else _with_curves(past)
    if job is not None and job.curves:
        st.markdown(f"**Job {job.job_id}: {job_panel.KIND_WORDS.get(job.kind, 'other')}**")
        job_panel.draw_curves(job.curves, step="report")


def _with_curves(past: list[Job]) -> Job | None:
    return next((job for job in past if job.curves and not job.active), None)


def _row(job: Job) -> dict[str, str | int]:
    return {
        "Job": job.job_id,
        "What": job_panel.KIND_WORDS.get(job.kind, job.kind),
        "State": job.state,
        "Began": job.created_at[:16].replace("T", " "),
        "Ended": (job.finished_at or "")[:16].replace("T", " "),
        "Message": shown_path(job.error or job.message),
    }
