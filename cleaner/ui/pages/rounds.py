"""Whether it is clean enough: the verdict, what each round brought, and the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from cleaner import report
from cleaner.cells import guarded
from cleaner.estimates.stopping import told, told_gain
from cleaner.items import shown_path
from cleaner.outlook import Course, Outlook
from cleaner.project import Project
from cleaner.sampling import Sampling
from cleaner.ui import charts, job_panel

Go = Callable[..., None]

_TITLES = {
    "review": "Suspects await a decision",
    "another": "Another round is probably worth it",
    "stop": "Another round is probably not worth it",
}


def draw(project: Project, go: Go) -> None:
    """Draw the page; `go` opens another one by name."""
    job_panel.draw(project, with_curves=False)
    st.title("Rounds")
    outlook = project.outlook()
    if not outlook.courses:
        st.markdown("Nothing is ranked yet. What each round brings will stand here.")
        return
    _verdict(outlook)
    _numbers(outlook)
    _sample(project, outlook, go)
    _table(outlook)
    _classes(outlook)


def _verdict(outlook: Outlook) -> None:
    if outlook.alarm:
        st.error(outlook.alarm)
    verdict = outlook.verdict
    with st.container(border=True, key="verdict"):
        if verdict is None:
            st.markdown("#### Nothing is reviewed yet")
            st.markdown("After the first decisions it stands here whether to go on.")
        else:
            st.markdown(f"#### {_TITLES[verdict.advice]}")
            st.text(verdict.words[:1].upper() + verdict.words[1:])


def _numbers(outlook: Outlook) -> None:
    left, latest = outlook.estimate, outlook.courses[-1]
    cells = [
        (
            "Errors left",
            "not known" if left is None else f"{left.overall.rate:.1%}",
            "wrong labels, estimated from images drawn at random",
            _needed(outlook) if left is None else _interval(left.overall.interval),
        ),
        (
            "Sealed accuracy",
            "not known" if latest.sealed is None else f"{latest.sealed.value:.1%}",
            "test images that the latest models take for what they are labelled now",
            "" if latest.sealed is None else _interval(latest.sealed.interval),
        ),
        (
            "Own agreement",
            _percent(latest.own_agreement) or "not known",
            "labels that train and were predicted, by models that had not seen the image",
            "",
        ),
        ("To halve them", _to_halve(outlook), "most suspect first, as far as models can tell", ""),
    ]
    for column, (name, value, words, more) in zip(st.columns(len(cells)), cells, strict=True):
        column.metric(name, value, help=words)
        if more:
            column.caption(more)


def _needed(outlook: Outlook) -> str:
    if not outlook.still_needed:
        return "The next round draws images for it."
    return f"{outlook.still_needed:,} more drawn images to decide"


def _interval(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.1%} to {interval[1]:.1%}, with 95% confidence"


def _to_halve(outlook: Outlook) -> str:
    if outlook.estimate is None:
        return "not known"
    return "out of sight" if outlook.to_halve is None else f"{outlook.to_halve:,} reviews"


def _sample(project: Project, outlook: Outlook, go: Go) -> None:
    drawn = outlook.sampling
    done = max(0, drawn.size - outlook.sample_left)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if st.button("Review blind", type="primary", disabled=not outlook.sample_left):
            go("review", {"status": "blind"})
        with st.popover("The sample", width="content"):
            _settings(project, drawn)
        st.download_button(
            "Report",
            lambda: report.html(report.figures(project)),
            file_name="report.html",
            mime="text/html",
            on_click="ignore",
        )
        st.caption(
            f"{done:,} of {drawn.size:,} drawn images are decided. They also come up among the "
            "suspects, without what the model says of them."
        )


def _settings(project: Project, drawn: Sampling) -> None:
    size = st.number_input("Images to draw", 0, 1_000_000, drawn.size, step=50)
    share = st.slider("Of what the queue shows", 0, 90, round(100 * drawn.share), format="%d%%")
    error = st.slider(
        "Decisions assumed to be wrong",
        0.0,
        40.0,
        100 * drawn.reviewer_error,
        step=0.5,
        format="%.1f%%",
    )
    if st.button("Keep", key="keep-sample"):
        project.set_sampling(Sampling(int(size), share / 100, error / 100))
        st.rerun()


def _table(outlook: Outlook) -> None:
    st.subheader("What each round brought")
    if len(outlook.courses) > 1 or outlook.estimate is not None:
        models, left = st.columns(2, gap="large")
        models.altair_chart(charts.sealed(outlook.courses), key="sealed")
        left.altair_chart(charts.errors_left(outlook.courses), key="left")
    st.dataframe([_row(course) for course in reversed(outlook.courses)], hide_index=True)


def _row(course: Course) -> dict[str, Any]:
    one = course.round
    return {
        "Round": one.round_id,
        "Flagged": one.flagged,
        "Reviewed": one.reviewed,
        "Moved": one.relabelled,
        "Excluded": one.excluded,
        "Own agreement": _percent(course.own_agreement),
        "Sealed accuracy": "" if course.sealed is None else f"{course.sealed.value:.1%}",
        "Gain, points": "" if course.gain is None else told_gain(course.gain),
        "Errors left": _rate(course.left),
        "Alarm": "yes" if course.alarm else "",
    }


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"


def _rate(left: Mapping[str, Any] | None) -> str:
    if left is None:
        return ""
    low, high = left["interval"]
    return f"{left['rate']:.1%} ({100 * low:.1f} to {100 * high:.1f})"


def _classes(outlook: Outlook) -> None:
    if outlook.estimate is None:
        return
    st.subheader("Errors left in each class")
    ranked = sorted(outlook.estimate.classes.items(), key=lambda one: -one[1].rate)
    st.dataframe(
        [
            {"Class": guarded(shown_path(name)), "Images": one.images, "Errors left": told(one)}
            for name, one in ranked
        ],
        hide_index=True,
    )
