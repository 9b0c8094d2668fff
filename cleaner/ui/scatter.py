"""The map as a plot: points in colours, which a line or a box around them selects."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cleaner.arrays import ItemIds
from cleaner.items import shown_path
from cleaner.projection import Places
from cleaner.store.points import Point

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

# Up to here the plot is drawn without WebGL, which not every computer has.
_FEW = 2_000
# Each at least 3:1 against both themes' backgrounds.
_COLOURS = (
    "#3f7fe0",
    "#d9622b",
    "#2f9460",
    "#b05ac4",
    "#a17c14",
    "#d64577",
    "#17939c",
    "#7a70d8",
    "#6f8a2a",
    "#9a6b55",
)
_STATUS_WORDS = {
    "unreviewed": "not reviewed",
    "accepted": "accepted",
    "moved": "moved",
    "excluded": "excluded",
    "skipped": "skipped",
}
_BLIND = "to be looked at blind"
_UNTOLD_COLOUR = "#8b8b8b"
# From suspect to trusted, told apart also by those who see red and green alike.
_QUALITY_COLOURS = [[0.0, "#d1495b"], [0.5, "#a17c14"], [1.0, "#3f7fe0"]]


def _flag(point: Point) -> str:
    if point.is_blind:
        return _BLIND
    return "flagged" if point.flagged else "not flagged"


COLOURINGS: dict[str, Callable[[Point], str]] = {
    "Class": lambda point: shown_path(point.current_label),
    "Status": lambda point: _STATUS_WORDS[point.status],
    "Flagged": _flag,
}
QUALITY = "Label quality"


def figure(
    item_ids: ItemIds, places: Places, points: Mapping[int, Point], colouring: str
) -> Figure:
    """Return the plot; each point's `customdata` is the number of its image.

    Args:
        item_ids: the images, in the order of `places`; those not in `points` are left out.
        places: (item, 2).
        points: how each stands.
        colouring: `QUALITY` or one of `COLOURINGS`.
    """
    from plotly import graph_objects

    rows = [
        (points[int(number)], float(x), float(y))
        for number, (x, y) in zip(item_ids, places, strict=True)
        if int(number) in points
    ]
    trace = graph_objects.Scattergl if len(rows) > _FEW else graph_objects.Scatter
    plot = graph_objects.Figure()
    if colouring == QUALITY:
        told = [row for row in rows if not row[0].is_blind]
        plot.add_trace(trace(**_of(told), marker=_quality_marker(told), showlegend=False))
        untold = [row for row in rows if row[0].is_blind]
        if untold:
            marker = {"size": _size(len(rows)), "color": _UNTOLD_COLOUR}
            plot.add_trace(trace(**_of(untold), name=_BLIND, marker=marker, showlegend=False))
    else:
        for name, marker, members in _groups(rows, COLOURINGS[colouring]):
            plot.add_trace(trace(**_of(members), name=_escaped(name, most=28), marker=marker))
    return _laid_out(plot)


_Row = tuple[Point, float, float]


def _groups(
    rows: Sequence[_Row], name_of: Callable[[Point], str]
) -> list[tuple[str, dict[str, Any], list[_Row]]]:
    members: dict[str, list[_Row]] = {}
    for row in rows:
        members.setdefault(name_of(row[0]), []).append(row)
    symbols = ("circle", "diamond", "square", "cross", "x", "triangle-up")
    return [
        (
            name,
            {
                "size": _size(len(rows)),
                "color": _COLOURS[number % len(_COLOURS)],
                # More classes than colours are told apart by their shapes.
                "symbol": symbols[number // len(_COLOURS) % len(symbols)],
            },
            members[name],
        )
        for number, name in enumerate(sorted(members))
    ]


def _of(rows: Sequence[_Row]) -> dict[str, Any]:
    return {
        "x": [x for _, x, _ in rows],
        "y": [y for _, _, y in rows],
        "customdata": [point.item_id for point, _, _ in rows],
        "hovertext": [_hover(point) for point, _, _ in rows],
        "hoverinfo": "text",
        "mode": "markers",
        "unselected": {"marker": {"opacity": 0.25}},
    }


def _quality_marker(rows: Sequence[_Row]) -> dict[str, Any]:
    return {
        "size": _size(len(rows)),
        # An excluded image has no quality; it is not in doubt.
        "color": [1.0 if p.label_quality is None else p.label_quality for p, _, _ in rows],
        "colorscale": _QUALITY_COLOURS,
        "cmin": 0,
        "cmax": 1,
        "colorbar": {"title": {"text": "quality"}, "thickness": 12},
    }


def _size(count: int) -> int:
    return 8 if count <= _FEW else 5


def _hover(point: Point) -> str:
    lines = [_escaped(point.path), f"label: {_escaped(point.current_label)}"]
    if point.suggested_label not in (None, point.current_label):
        lines.append(f"looks like: {_escaped(str(point.suggested_label))}")
    if point.label_quality is not None:
        lines.append(f"quality {point.label_quality:.2f}, {_STATUS_WORDS[point.status]}")
    elif point.is_blind:
        lines.append(_BLIND)
    return "<br>".join(lines)


def _escaped(name: str, most: int = 70) -> str:
    """Return a name that the plot, which knows some markup, draws as it is."""
    shown = shown_path(name)
    return html.escape(shown if len(shown) <= most else f"…{shown[-most:]}", quote=False)


def _laid_out(plot: Figure) -> Figure:
    hidden = {"visible": False, "scaleanchor": None}
    plot.update_layout(
        height=500,
        # The tools stand above the legend, not on it.
        margin={"l": 0, "r": 0, "t": 36, "b": 0},
        hovermode="closest",
        dragmode="lasso",
        xaxis=hidden,
        yaxis={"visible": False, "scaleanchor": "x"},
        legend={"itemsizing": "constant", "title": None},
        hoverlabel={"align": "left"},
        # A selection and a zoom outlive another colouring.
        uirevision="map",
    )
    return plot
