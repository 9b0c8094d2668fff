from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cleaner.store.points import Point
from cleaner.ui import scatter


def _point(number: int, **values: Any) -> Point:
    standard: dict[str, Any] = {
        "path": f"cat/{number}.jpg",
        "content_hash": "0" * 64,
        "given_label": "cat",
        "current_label": "cat",
        "status": "unreviewed",
        "suggested_label": "cat",
        "label_quality": 0.5,
        "flagged": False,
    }
    return Point(number, **(standard | values))


def _figure(points: list[Point], colouring: str = "Class", more: int = 0) -> Any:
    numbers = np.arange(len(points) + more, dtype=np.int64)
    places = np.zeros((len(numbers), 2), np.float16)
    return scatter.figure(numbers, places, {p.item_id: p for p in points}, colouring)


def test_points_are_grouped_by_what_colours_them() -> None:
    points = [
        _point(0),
        _point(1, current_label="dog", status="moved", flagged=True),
        _point(2),
    ]
    by_class = {trace.name: trace.customdata for trace in _figure(points).data}
    assert {name: list(numbers) for name, numbers in by_class.items()} == {
        "cat": [0, 2],
        "dog": [1],
    }
    assert {trace.name for trace in _figure(points, "Status").data} == {"moved", "not reviewed"}
    assert {trace.name for trace in _figure(points, "Flagged").data} == {"flagged", "not flagged"}


def test_quality_is_a_scale_on_which_excluded_images_are_not_in_doubt() -> None:
    points = [_point(0, label_quality=0.1), _point(1, label_quality=None, flagged=None)]
    (trace,) = _figure(points, scatter.QUALITY).data
    assert list(trace.marker.color) == [0.1, 1.0]


def test_of_an_image_to_be_looked_at_blind_nothing_is_told() -> None:
    untold = {"suggested_label": None, "label_quality": None, "flagged": None, "is_blind": True}
    points = [_point(0), _point(1, **untold)]
    told, blind = _figure(points, scatter.QUALITY).data
    assert (list(told.customdata), list(blind.customdata)) == ([0], [1])
    assert isinstance(blind.marker.color, str)
    assert blind.hovertext[0].split("<br>")[2:] == ["to be looked at blind"]
    names = {trace.name for trace in _figure(points, "Flagged").data}
    assert names == {"not flagged", "to be looked at blind"}


def test_images_that_are_gone_are_left_out() -> None:
    (trace,) = _figure([_point(0)], more=3).data
    assert list(trace.customdata) == [0]


@pytest.mark.parametrize("colouring", [*scatter.COLOURINGS, scatter.QUALITY])
def test_no_points_are_no_error(colouring: str) -> None:
    _figure([], colouring)


def test_names_are_text_to_the_plot() -> None:
    point = _point(
        0, path="<b>x</b>/1.jpg", current_label="<a href=x>&lt;", suggested_label="\udcff<i>"
    )
    (trace,) = _figure([point]).data
    assert trace.name == "&lt;a href=x&gt;&amp;lt;"
    lines = trace.hovertext[0].split("<br>")
    assert lines[0] == "&lt;b&gt;x&lt;/b&gt;/1.jpg"
    assert lines[2] == "looks like: \\xff&lt;i&gt;"
    assert not any("<" in line for line in lines)


def test_a_long_path_ends_as_it_ends() -> None:
    (trace,) = _figure([_point(0, path="x" * 300 + "/end.jpg")]).data
    assert trace.hovertext[0].split("<br>")[0].endswith("/end.jpg")
    assert len(trace.hovertext[0]) < 150
