"""Plots. Names come in as values, never as column or field names, which charts interpret."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from cleaner.decisions import Round
from cleaner.items import shown_path

Plot = alt.Chart | alt.LayerChart | alt.FacetChart

_CURVE_HEIGHT_PX = 300


def curves(values: Mapping[str, Sequence[float]], *, step: str) -> Plot:
    """Return one line for each name over its step number, counted from 1.

    Args:
        values: name -> one number a step.
        step: what a step is, such as "epoch".
    """
    rows = [
        {"curve": name, "step": number, "value": value}
        for name, numbers in values.items()
        for number, value in enumerate(numbers, 1)
    ]
    base = alt.Chart(pd.DataFrame(rows, columns=["curve", "step", "value"])).encode(
        x=alt.X(
            "step:Q",
            title=step,
            axis=alt.Axis(tickMinStep=1, format="d"),
            scale=alt.Scale(nice=False, zero=False),
        ),
        y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=False)),
        color=alt.Color("curve:N", title=None, legend=alt.Legend(orient="top", labelLimit=400)),
        tooltip=["curve:N", "step:Q", alt.Tooltip("value:Q", format=".4f")],
    )
    chart = alt.layer(base.mark_line(), base.mark_point(size=22, filled=True))
    return chart.properties(height=_CURVE_HEIGHT_PX)


def split_curves(
    values: Mapping[str, Sequence[float]],
) -> dict[str, dict[str, Sequence[float]]]:
    """Return curves by kind, since losses and accuracies share no scale; empty ones left out."""
    kinds: dict[str, dict[str, Sequence[float]]] = {}
    for name, numbers in values.items():
        if len(numbers):
            kind = next((k for k in ("loss", "accuracy") if k in name.lower()), "other")
            kinds.setdefault(kind, {})[name.replace("_", " ")] = numbers
    return kinds


def rounds(history: Sequence[Round]) -> Plot:
    """Return flagged, reviewed and relabelled images of each round side by side."""
    kinds = ("flagged", "reviewed", "relabelled", "excluded")
    rows = [
        {"round": one.round_id, "kind": kind, "images": getattr(one, kind), "order": order}
        for one in history
        for order, kind in enumerate(kinds)
    ]
    chart: Plot = (
        alt.Chart(pd.DataFrame(rows))
        .mark_bar(cornerRadiusEnd=3)
        .encode(
            x=alt.X("round:O", title="round", axis=alt.Axis(labelAngle=0)),
            xOffset=alt.XOffset("kind:N", sort=list(kinds)),
            y=alt.Y("images:Q", title="images"),
            color=alt.Color(
                "kind:N",
                title=None,
                sort=list(kinds),
                legend=alt.Legend(orient="bottom", columns=4, columnPadding=10),
            ),
            tooltip=["round:O", "kind:N", "images:Q"],
        )
        .properties(height=280)
    )
    return chart


def class_counts(counts: Mapping[str, int]) -> Plot:
    """Return one bar a class, the largest first."""
    rows = [{"class": name, "images": count} for name, count in counts.items()]
    height = 40 + 24 * max(3, len(rows))
    chart: Plot = (
        alt.Chart(pd.DataFrame(rows, columns=["class", "images"]))
        .mark_bar(cornerRadiusEnd=3)
        .encode(
            x=alt.X("images:Q", title=None, axis=alt.Axis(tickMinStep=1)),
            y=alt.Y(
                "class:N", title=None, sort="-x", axis=alt.Axis(labelLimit=180, labelOverlap=False)
            ),
            tooltip=["class:N", "images:Q"],
        )
        .properties(height=height)
    )
    return chart


def confusion(
    matrix: Sequence[Sequence[int]], class_names: Sequence[str], *, on_dark: bool = False
) -> Plot:
    """Return a confusion matrix: rows are true labels, columns predicted ones.

    Args:
        matrix: counts (true, predicted).
        class_names: in the order of both axes.
        on_dark: whether the page is dark, for the figures in pale cells.
    """
    names = [shown_path(name) for name in class_names]
    rows = [
        {
            "true": names[row],
            "predicted": names[column],
            "images": int(count),
            "share": count / max(1, sum(counts)),
        }
        for row, counts in enumerate(matrix)
        for column, count in enumerate(counts)
    ]
    base = alt.Chart(pd.DataFrame(rows)).encode(
        x=alt.X(
            "predicted:N",
            sort=names,
            title="predicted label",
            axis=alt.Axis(orient="top", labelAngle=-40, labelLimit=120),
        ),
        y=alt.Y("true:N", sort=names, title="true label", axis=alt.Axis(labelLimit=140)),
        tooltip=["true:N", "predicted:N", "images:Q"],
    )
    cells = base.mark_rect(stroke="#8884", strokeWidth=0.5).encode(
        color=alt.Color(
            "share:Q",
            scale=alt.Scale(domain=[0, 1], range=["#8080800a", "#3157c9"]),
            legend=None,
        )
    )
    chart: Plot = cells
    if len(names) <= 24:
        is_dark_cell = alt.datum.share > 0.45
        figures = base.transform_filter(alt.datum.images > 0).mark_text(fontSize=12)
        chart = cells + figures.encode(
            text="images:Q",
            color=alt.condition(
                is_dark_cell, alt.value("#ffffff"), alt.value("#e8ebf2" if on_dark else "#1d2330")
            ),
        )
    return chart.properties(height=min(640, max(260, 26 * len(names) + 90)))
