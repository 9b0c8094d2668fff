"""Plots of a receipt as SVG; colours come from the page around them, in the light and the dark."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any

from cleaner.receipts import words

_WIDTH, _HEIGHT = 560, 330
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 128, 14, 46
_FORMATS = {"tflite": "float32", "tflite_int8": "int8"}
_LETTER_PX = 6.4


@dataclass(frozen=True, slots=True)
class Dot:
    """One file of a model in a plot of accuracy against something.

    Attributes:
        name: of the model; drawn beside its float32 file.
        kind: ``float32`` or ``int8``.
        x: milliseconds or bytes.
        accuracy: 0..1.
        interval: its 95% interval.
    """

    name: str
    kind: str
    x: int | float
    accuracy: int | float
    interval: tuple[float, float]


def against_speed(receipt: dict[str, Any]) -> str:
    """Return accuracy over the milliseconds that one photo takes."""
    dots = _dots(receipt, lambda found: found["latency_ms"]["p50"])
    return _scatter(dots, "milliseconds a photo (one thread)", lambda value: f"{value:g}")


def against_size(receipt: dict[str, Any]) -> str:
    """Return accuracy over the bytes of the file."""
    dots = _dots(receipt, lambda found: found["size_bytes"])
    return _scatter(dots, "size of the file", words.size)


def reliability(model: dict[str, Any]) -> str:
    """Return accuracy over confidence, a dot a tenth; on the diagonal they are the same."""
    side, edge = 210, 34
    inner = side - 2 * edge

    def place(value: int | float) -> float:
        return edge + value * inner

    parts = [
        f'<svg viewBox="0 0 {side} {side}" class="small" role="img" aria-label="Calibration">',
        f'<path class="axis" d="M{edge} {edge}V{side - edge}H{side - edge}"/>',
        f'<path class="guide" d="M{edge} {side - edge}L{side - edge} {edge}"/>',
    ]
    for point in model["calibration"]["points"]:
        x, y = place(point["confidence"]), side - place(point["accuracy"])
        radius = 2.5 + 1.2 * math.log10(point["images"])
        title = (
            f"{point['images']:,} images: confidence {words.share(point['confidence'])}, "
            f"accuracy {words.share(point['accuracy'])}"
        )
        parts.append(
            f'<circle class="float32" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}">'
            f"<title>{escape(title)}</title></circle>"
        )
    parts += [
        f'<text x="{side / 2}" y="{side - 8}" class="middle">confidence</text>',
        f'<text class="middle" transform="translate(12 {side / 2}) rotate(-90)">accuracy</text>',
        "</svg>",
    ]
    return "".join(parts)


def _dots(receipt: dict[str, Any], x_of: Callable[[dict[str, Any]], int | float]) -> list[Dot]:
    return [
        Dot(
            model["architecture"],
            _FORMATS[name],
            x_of(found),
            found["accuracy"],
            tuple(found["accuracy_interval"]),
        )
        for model in receipt["models"]
        for name, found in model["formats"].items()
        if name in _FORMATS and found.get("accuracy") is not None
    ]


def _scatter(dots: Sequence[Dot], title: str, tick: Callable[[int | float], str]) -> str:
    if not dots:
        return "<p>There are no test images to plot.</p>"
    axes = _Axes(dots)
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">',
        *axes.grid(title, tick),
        *_pairs(dots, axes),
        *(mark for dot in dots for mark in _mark(dot, axes, tick)),
        *_names([dot for dot in dots if dot.kind == "float32"], axes),
        "</svg>",
    ]
    return "".join(parts)


class _Axes:
    """Where values stand: across by their logarithm, up by accuracy."""

    def __init__(self, dots: Sequence[Dot]) -> None:
        lows, highs = zip(*(dot.interval for dot in dots), strict=True)
        self._low: float = math.floor(max(0.0, min(lows) - 0.005) * 50) / 50
        self._high: float = min(1.0, math.ceil((max(highs) + 0.001) * 50) / 50)
        values = [dot.x for dot in dots]
        self._first: float = math.log10(min(values)) - 0.12
        self._last: float = math.log10(max(values)) + 0.12

    def x(self, value: int | float) -> float:
        share = (math.log10(value) - self._first) / (self._last - self._first)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(self, accuracy: int | float) -> float:
        share = (accuracy - self._low) / max(self._high - self._low, 1e-9)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _BOTTOM - _TOP)

    def grid(self, title: str, tick: Callable[[int | float], str]) -> Iterator[str]:
        right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
        for accuracy in self._accuracies():
            y = self.y(accuracy)
            yield f'<path class="guide" d="M{_LEFT} {y:.1f}H{right}"/>'
            yield f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" class="end">{accuracy:.0%}</text>'
        for value in self._ticks():
            x = self.x(value)
            yield f'<path class="axis" d="M{x:.1f} {bottom}v5"/>'
            yield f'<text x="{x:.1f}" y="{bottom + 18}" class="middle">{escape(tick(value))}</text>'
        yield f'<path class="axis" d="M{_LEFT} {bottom}H{right}"/>'
        middle = (_LEFT + right) / 2
        yield f'<text x="{middle}" y="{_HEIGHT - 8}" class="middle">{escape(title)}</text>'

    def _accuracies(self) -> list[float]:
        span = self._high - self._low
        step = next(s for s in (0.02, 0.05, 0.1, 0.2) if span / s <= 6 or s == 0.2)
        first = math.ceil(self._low / step - 1e-9)
        last = math.floor(self._high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]

    def _ticks(self) -> list[float]:
        decades = range(math.floor(self._first), math.ceil(self._last) + 1)
        values = [factor * 10.0**decade for decade in decades for factor in (1, 2, 5)]
        return [v for v in values if self._first <= math.log10(v) <= self._last]


def _pairs(dots: Sequence[Dot], axes: _Axes) -> Iterator[str]:
    """Yield a thin line between the files of each model, which stand side by side in the list."""
    for one, other in pairwise(dots):
        if one.name == other.name and (one.kind, other.kind) == ("float32", "int8"):
            yield (
                f'<path class="pair" d="M{axes.x(one.x):.1f} {axes.y(one.accuracy):.1f}'
                f'L{axes.x(other.x):.1f} {axes.y(other.accuracy):.1f}"/>'
            )


def _mark(dot: Dot, axes: _Axes, tick: Callable[[int | float], str]) -> Iterator[str]:
    x, y = axes.x(dot.x), axes.y(dot.accuracy)
    low, high = (axes.y(end) for end in dot.interval)
    title = (
        f"{dot.name}, {dot.kind}: {words.share(dot.accuracy)} ({words.interval(dot.interval)}), "
        f"{tick(dot.x)}"
    )
    yield f'<path class="whisker {dot.kind}" d="M{x:.1f} {low:.1f}V{high:.1f}"/>'
    yield (
        f'<circle class="{dot.kind}" cx="{x:.1f}" cy="{y:.1f}" r="5">'
        f"<title>{escape(title)}</title></circle>"
    )


def _names(dots: Sequence[Dot], axes: _Axes) -> Iterator[str]:
    """Yield each model's name beside its dot, moved down where it would lie on another's."""
    taken: list[tuple[float, float, float]] = []
    for dot in sorted(dots, key=lambda dot: axes.y(dot.accuracy)):
        width = len(dot.name) * _LETTER_PX
        x, y = axes.x(dot.x) + 9, axes.y(dot.accuracy) - 7
        if x + width > _WIDTH - 2:
            x = axes.x(dot.x) - 9 - width
        while _is_taken(taken, x, x + width, y):
            y += 13
        taken.append((x, x + width, y))
        yield f'<text x="{max(2.0, x):.1f}" y="{y:.1f}" class="name">{escape(dot.name)}</text>'


def _is_taken(
    taken: Sequence[tuple[float, float, float]],
    start: int | float,
    end: int | float,
    y: int | float,
) -> bool:
    return any(abs(y - low) < 13 and first < end and start < last for first, last, low in taken)
