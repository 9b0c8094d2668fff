"""The images in the plane, those alike together; a line around some brings them up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import streamlit as st

from cleaner import maps
from cleaner.items import shown_path
from cleaner.maps import Map
from cleaner.project import Project
from cleaner.selection import Selection
from cleaner.store.points import Point
from cleaner.ui import job_panel, scatter

MOST_DRAWN = 30_000
_SHOWN = 20
_IN_A_ROW = 4
_CLASSES_NAMED = 6


def draw(project: Project, key: str, go: Callable[..., None]) -> None:
    """Draw the page for the dataset with this key.

    `go` opens another one by name, with parameters for its address.
    """
    st.title("Map")
    job = job_panel.draw(project, with_curves=False)
    known = maps.read(project)
    if known is None:
        _nothing_yet(project, busy=job is not None)
        return
    _head(project, known, busy=job is not None)
    drawn = _drawn(known)
    points = project.points([int(number) for number in known.item_ids[drawn]])
    colouring = st.session_state.get("map-colour") or "Class"
    plot = scatter.figure(known.item_ids[drawn], known.places[drawn], points, colouring)
    left, right = st.columns([1.9, 1], gap="medium")
    selected = left.plotly_chart(
        plot,
        key="map",
        on_select="rerun",
        selection_mode=("lasso", "box"),
        config={"displaylogo": False, "scrollZoom": True},
    )
    with right:
        _selected(project, key, go, _chosen(selected, points))


def _nothing_yet(project: Project, *, busy: bool) -> None:
    if busy:
        return
    if not project.rounds():
        st.markdown("First find the suspect labels, on the page Review.")
        return
    with st.container(border=True, key="next-step"):
        words, press = st.columns([4, 1.3], vertical_alignment="center")
        with words:
            st.markdown("#### Draw the map")
            st.markdown(
                "Images that look alike to the networks are put side by side. A wrong label then "
                "lies among images of another class, and groups that you did not know of show."
            )
        if press.button("Draw the map", type="primary", width="stretch", key="draw-map"):
            job_panel.start(project, "map", {})


def _head(project: Project, known: Map, *, busy: bool) -> None:
    colours, words, again = st.columns([3.4, 3.6, 1.4], vertical_alignment="bottom")
    colours.segmented_control(
        "Colour by",
        [*scatter.COLOURINGS, scatter.QUALITY],
        default="Class",
        key="map-colour",
    )
    words.markdown(_sentence(known))
    is_old = not maps.is_current(project, known)
    if is_old and again.button("Draw anew", disabled=busy, width="stretch", key="draw-map"):
        job_panel.start(project, "map", {})


def _sentence(known: Map) -> str:
    images = len(known.item_ids)
    parts = [f"{images:,} images of round {known.round_id}"]
    if known.laid_out < images:
        parts.append(f"{known.laid_out:,} of them laid out, the others among those most like them")
    if images > MOST_DRAWN:
        parts.append(f"{MOST_DRAWN:,} taken at random are drawn")
    return "; ".join(parts)


def _drawn(known: Map) -> np.ndarray:
    """Return which images are drawn: always the same ones, so that points do not jump."""
    images = len(known.item_ids)
    if images <= MOST_DRAWN:
        return np.arange(images)
    return np.sort(np.random.default_rng(0).choice(images, MOST_DRAWN, replace=False))


# -- what was selected -------------------------------------------------------------------


def _chosen(selected: Any, points: dict[int, Point]) -> list[Point]:
    """Return the selected images, those first whose label is the most doubtful."""
    numbers = {_number(one.get("customdata")) for one in selected.selection.points}
    found = [points[number] for number in numbers if number in points]
    return sorted(found, key=lambda point: (point.label_quality is None, point.label_quality or 0))


def _number(value: Any) -> int:
    return int(value[0] if isinstance(value, list | tuple) else value)


def _selected(project: Project, key: str, go: Callable[..., None], chosen: Sequence[Point]) -> None:
    if not chosen:
        st.markdown("Draw a line around some images, and they are shown here.")
        return
    st.text(_summary(chosen))
    words = f"Review {'this one' if len(chosen) == 1 else f'these {len(chosen):,}'}"
    if st.button(words, type="primary", key="review-picked", width="stretch"):
        picked = project.pick([point.item_id for point in chosen])
        go("review", Selection(picked=picked, status="any").as_query())
    for start in range(0, min(_SHOWN, len(chosen)), _IN_A_ROW):
        row = st.columns(_IN_A_ROW, gap="small")
        for place, point in zip(row, chosen[start : start + _IN_A_ROW], strict=False):
            with place.container(gap=None, key=f"map-image-{point.item_id}"):
                st.html(_thumbnail(key, point))
                st.text(shown_path(point.current_label))
    if len(chosen) > _SHOWN:
        st.text(f"And {len(chosen) - _SHOWN:,} more, whose labels are less doubtful.")


def _thumbnail(key: str, point: Point) -> str:
    """Return markup that holds numbers of ours alone; the label stands under it as text."""
    source = f"/api/p/{key}/image/{point.item_id}?v={point.content_hash[:12]}&amp;side=160"
    return f'<img class="map-picture" src="{source}" alt="" loading="lazy">'


def _summary(chosen: Sequence[Point]) -> str:
    counts = Counter(shown_path(point.current_label) for point in chosen)
    named = ", ".join(f"{n:,} {name}" for name, n in counts.most_common(_CLASSES_NAMED))
    more = (
        f", {len(counts) - _CLASSES_NAMED:,} other classes" if len(counts) > _CLASSES_NAMED else ""
    )
    images = "image" if len(chosen) == 1 else "images"
    return f"{len(chosen):,} {images} selected: {named}{more}"
