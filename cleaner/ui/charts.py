"""Plots. Names come in as values, never as column or field names, which charts interpret."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from cleaner.decisions import Round
from cleaner.items import shown_path
from cleaner.outlook import Course
from cleaner.progress import PHASE, PHASES

Plot = alt.Chart | alt.LayerChart | alt.FacetChart

_CURVE_HEIGHT_PX = 300
_NO_SWITCH: Mapping[str, int] = {}


def curves(
    values: Mapping[str, Sequence[float]],
    *,
    step: str,
    switches: Mapping[str, int] = _NO_SWITCH,
    on_dark: bool = False,
) -> Plot:
    """Return one line for each name over its step number, counted from 1.

    Args:
        values: name -> one number a step.
        step: what a step is, such as "epoch".
        switches: what began -> after how many steps; each gets a mark.
        on_dark: whether the page is dark.
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
    layers = [base.mark_line(), base.mark_point(size=22, filled=True)]
    if switches:
        layers = [*_marks(switches, on_dark=on_dark), *layers]
    return alt.layer(*layers).properties(height=_CURVE_HEIGHT_PX)


def _marks(switches: Mapping[str, int], *, on_dark: bool) -> list[alt.Chart]:
    rows = [{"what": what, "step": after + 0.5} for what, after in switches.items()]
    base = alt.Chart(pd.DataFrame(rows)).encode(x="step:Q")
    # No grey is dark enough for the one theme and light enough for the other.
    grey = "#aab3c5" if on_dark else "#5b6577"
    line = base.mark_rule(strokeDash=[5, 4], color=grey, size=1.5)
    words = base.mark_text(baseline="bottom", color=grey, fontSize=12)
    # Above the frame: within it an accuracy near its best would run through the words.
    return [line, words.encode(text="what:N", y=alt.value(-4))]


def switches(values: Mapping[str, Sequence[float]]) -> dict[str, int]:
    """Return what began in the middle of the curves -> after how many steps.

    >>> switches({"loss": [3, 2, 1], "phase": [0, 0, 1]})
    {'fine-tuning': 2}
    """
    phases = [int(number) for number in values.get(PHASE, ())]
    return {
        PHASES[later]: done
        for done, (earlier, later) in enumerate(itertools.pairwise(phases), 1)
        if earlier != later
    }


def split_curves(
    values: Mapping[str, Sequence[float]],
) -> dict[str, dict[str, Sequence[float]]]:
    """Return curves by kind, since losses and accuracies share no scale; empty ones left out."""
    kinds: dict[str, dict[str, Sequence[float]]] = {}
    for name, numbers in values.items():
        if len(numbers) and name != PHASE:
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


def agreement(history: Sequence[Round]) -> Plot:
    """Return how many predicted labels equal the current ones, a point a round."""
    rows = [{"round": one.round_id, "agreement": one.accuracy} for one in history]
    base = alt.Chart(pd.DataFrame(rows)).encode(
        x=alt.X("round:O", title="round", axis=alt.Axis(labelAngle=0)),
        y=alt.Y(
            "agreement:Q",
            title="agreement",
            scale=alt.Scale(zero=False, padding=12),
            axis=alt.Axis(format=".0%", tickCount=5),
        ),
        tooltip=["round:O", alt.Tooltip("agreement:Q", format=".1%")],
    )
    chart = alt.layer(base.mark_line(), base.mark_point(size=60, filled=True))
    return chart.properties(height=280)


def sealed(courses: Sequence[Course]) -> Plot:
    """Return what the models make of sealed images and of their own, a point each a round."""
    rows = []
    for one in courses:
        if one.own_agreement is not None:
            rows.append(_measured(one, _OWN, one.own_agreement, (one.own_agreement,) * 2))
        if one.sealed is not None:
            rows.append(_measured(one, _SEALED, one.sealed.value, one.sealed.interval))
    return _with_intervals(rows, title="accuracy", kinds=(_OWN, _SEALED), from_zero=False)


def errors_left(courses: Sequence[Course]) -> Plot:
    """Return how many labels were estimated to be wrong as each round ended, or now."""
    rows = [
        _measured(one, _LEFT, one.left["rate"], one.left["interval"])
        for one in courses
        if one.left is not None
    ]
    return _with_intervals(rows, title="errors left", kinds=(_LEFT,), from_zero=True)


_OWN, _SEALED, _LEFT = "own agreement", "sealed accuracy", "errors left"
_MEASURED = ("round", "what", "value", "low", "high")


def _measured(
    course: Course, what: str, value: float, interval: Sequence[float]
) -> dict[str, int | float | str]:
    low, high = interval
    numbers = (course.round.round_id, what, value, low, high)
    return dict(zip(_MEASURED, numbers, strict=True))


def _with_intervals(
    rows: Sequence[Mapping[str, int | float | str]],
    *,
    title: str,
    kinds: Sequence[str],
    from_zero: bool,
) -> Plot:
    axis = alt.Axis(format=".1%", tickCount=5)
    scale = alt.Scale(zero=from_zero, padding=0 if from_zero else 12)
    base = alt.Chart(pd.DataFrame(rows, columns=list(_MEASURED))).encode(
        x=alt.X("round:O", title="round", axis=alt.Axis(labelAngle=0)),
        color=alt.Color(
            "what:N",
            title=None,
            sort=list(kinds),
            legend=alt.Legend(orient="bottom") if len(kinds) > 1 else None,
        ),
        tooltip=[
            "round:O",
            "what:N",
            *(alt.Tooltip(f"{name}:Q", format=".1%") for name in ("value", "low", "high")),
        ],
    )
    value = alt.Y("value:Q", title=title, axis=axis, scale=scale)
    reach = base.mark_rule(opacity=0.6).encode(y=alt.Y("low:Q", title=title), y2="high:Q")
    lines = (
        base.mark_line().encode(y=value),
        base.mark_point(size=60, filled=True).encode(y=value),
    )
    return alt.layer(reach, *lines).properties(height=260)


def against(rows: Sequence[Mapping[str, object]], cost: str, title: str) -> Plot:
    """Return accuracy with its interval against what it costs, a colour a model.

    Args:
        rows: with ``model``, ``file``, ``accuracy``, ``low``, ``high`` and the cost.
        cost: the name of the value across, above 0; its scale is logarithmic.
        title: of that axis.
    """
    base = alt.Chart(pd.DataFrame(list(rows))).encode(
        x=alt.X(
            f"{cost}:Q",
            title=title,
            scale=alt.Scale(type="log", nice=False, padding=24),
            axis=alt.Axis(format="~g", tickCount=5, grid=False),
        ),
        color=alt.Color(
            "model:N",
            title=None,
            sort=None,
            legend=alt.Legend(orient="bottom", columns=2, labelLimit=220, columnPadding=8),
        ),
        tooltip=[
            "model:N",
            "file:N",
            alt.Tooltip("accuracy:Q", format=".1%"),
            alt.Tooltip(f"{cost}:Q", format=".3~g"),
        ],
    )
    accuracy = alt.Y(
        "accuracy:Q",
        title="accuracy",
        scale=alt.Scale(zero=False, nice=True),
        axis=alt.Axis(format=".0%", tickCount=6),
    )
    whiskers = base.mark_rule(opacity=0.55).encode(
        y=alt.Y("low:Q", title="accuracy", scale=alt.Scale(zero=False)), y2="high:Q"
    )
    dots = base.mark_point(size=90, filled=True, opacity=1).encode(
        y=accuracy,
        shape=alt.Shape(
            "file:N",
            title=None,
            scale=alt.Scale(domain=["float32", "int8"], range=["circle", "diamond"]),
            legend=alt.Legend(orient="top", symbolFillColor="#8a94a8"),
        ),
    )
    chart: Plot = alt.layer(whiskers, dots)
    return chart.properties(height=320)


def reliability(points: Sequence[Mapping[str, float]]) -> Plot:
    """Return accuracy against confidence, a dot a tenth of confidence, larger for more images.

    Args:
        points: with ``confidence``, ``accuracy`` and ``images``, as a receipt has them.
    """
    ends = alt.Scale(domain=[0, 1])
    shares = alt.Axis(format=".0%", tickCount=5)
    x = alt.X("confidence:Q", title="confidence", scale=ends, axis=shares)
    y = alt.Y("accuracy:Q", title="accuracy", scale=ends, axis=shares)
    same = alt.Chart(pd.DataFrame({"confidence": [0, 1], "accuracy": [0, 1]}))
    line = same.mark_line(color="#8a94a8", strokeDash=[4, 4]).encode(x=x, y=y)
    tooltip = [alt.Tooltip(f"{name}:Q", format=".1%") for name in ("confidence", "accuracy")]
    dots = (
        alt.Chart(pd.DataFrame(list(points)))
        .mark_circle(color="#4a72e0", opacity=0.9)
        .encode(
            x=x,
            y=y,
            size=alt.Size("images:Q", legend=None, scale=alt.Scale(range=[40, 400])),
            tooltip=[*tooltip, "images:Q"],
        )
    )
    chart: Plot = alt.layer(line, dots)
    return chart.properties(width=320, height=300)


def class_sizes(sizes: Mapping[str, tuple[int, int]]) -> Plot:
    """Return two bars a class: the images that came with its label, and those that have it now.

    Args:
        sizes: class -> (before, now), in the order in which they are shown.
    """
    rows = [
        {"class": shown_path(name), "when": when, "images": count}
        for name, counts in sizes.items()
        for when, count in zip(_WHEN, counts, strict=True)
    ]
    chart: Plot = (
        alt.Chart(pd.DataFrame(rows, columns=["class", "when", "images"]))
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            x=alt.X("images:Q", title=None, axis=alt.Axis(tickMinStep=1)),
            y=alt.Y(
                "class:N", title=None, sort=None, axis=alt.Axis(labelLimit=180, labelOverlap=False)
            ),
            yOffset=alt.YOffset("when:N", sort=list(_WHEN)),
            color=alt.Color(
                "when:N",
                title=None,
                scale=alt.Scale(domain=list(_WHEN), range=["#8a94a8", "#4a72e0"]),
                legend=alt.Legend(orient="top", offset=4),
            ),
            tooltip=["class:N", "when:N", "images:Q"],
        )
        .properties(height=60 + 30 * max(3, len(sizes)))
    )
    return chart


_WHEN = ("as they came", "now")


def flow(
    pairs: Mapping[tuple[str, str], int], *, titles: tuple[str, str], on_dark: bool = False
) -> Plot:
    """Return a heat table of how many images go from which class to which.

    Args:
        pairs: (from, to) -> images; only the classes most concerned are shown.
        titles: of the rows and of the columns.
        on_dark: whether the page is dark, for the figures in pale cells.
    """
    shown = sorted(pairs.items(), key=lambda pair: -pair[1])[:_MOST_PAIRS]
    most = max((images for _, images in shown), default=1)
    rows = [
        {"from": shown_path(start), "to": shown_path(end), "images": n, "share": n / most}
        for (start, end), n in shown
    ]
    starts = list(dict.fromkeys(shown_path(start) for (start, _), _ in shown))
    ends = list(dict.fromkeys(shown_path(end) for (_, end), _ in shown))
    base = alt.Chart(pd.DataFrame(rows, columns=["from", "to", "images", "share"])).encode(
        x=alt.X(
            "to:N",
            sort=ends,
            title=titles[1],
            axis=alt.Axis(orient="top", labelAngle=-40, labelLimit=120),
        ),
        y=alt.Y("from:N", sort=starts, title=titles[0], axis=alt.Axis(labelLimit=140)),
        tooltip=["from:N", "to:N", "images:Q"],
    )
    cells = base.mark_rect(cornerRadius=3).encode(color=_shades(on_dark=on_dark))
    chart: Plot = cells + _figures(base, on_dark=on_dark)
    return chart.properties(height=90 + 28 * max(3, len(starts)))


_MOST_PAIRS = 60


def _shades(*, on_dark: bool) -> alt.Color:
    """Return the colours of shares 0..1; figures of one colour are legible on all of them."""
    strongest = "#3157c9" if on_dark else "#8fa8f5"
    scale = alt.Scale(domain=[0, 1], range=["#8080801a", strongest])
    return alt.Color("share:Q", scale=scale, legend=None)


def _figures(base: alt.Chart, *, on_dark: bool) -> alt.Chart:
    ink = alt.value("#e8ebf2" if on_dark else "#1d2330")
    figures: alt.Chart = base.mark_text(fontSize=12).encode(text="images:Q", color=ink)
    return figures


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
    cells = base.mark_rect(stroke="#8884", strokeWidth=0.5).encode(color=_shades(on_dark=on_dark))
    chart: Plot = cells
    if len(names) <= 24:
        chart = cells + _figures(base.transform_filter(alt.datum.images > 0), on_dark=on_dark)
    return chart.properties(height=min(640, max(260, 26 * len(names) + 90)))
