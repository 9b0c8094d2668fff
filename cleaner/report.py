"""A report to hand to a colleague: one HTML file that asks the network for nothing.

Its numbers are those of `status --json`, which it also holds as they are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from cleaner import health
from cleaner.items import shown_path
from cleaner.project import Project

_MOST_FLOWS = 30
# A plot, in units of its own; it grows with the page.
_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 460, 200, 48, 28


def figures(project: Project) -> dict[str, Any]:
    """Return all that the report says, as plain values."""
    status = project.status()
    flow = health.became(project.label_flow())
    return {
        "dataset": shown_path(project.root.name),
        "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "images": status["images"],
        "classes": status["classes"],
        "decided": status["decided"],
        "awaiting_review": status["awaiting_review"],
        "findings": project.finding_counts(),
        "became": [
            {"from": shown_path(before), "to": shown_path(after), "images": number}
            for (before, after), number in sorted(flow.items(), key=lambda one: -one[1])
        ],
        "outlook": project.outlook().as_json(),
    }


def html(found: Mapping[str, Any]) -> str:
    """Return the whole file. Names come as text, whatever they hold."""
    name = escape(found["dataset"])
    parts = (
        f"<h1>{name}</h1>",
        f"<p class=quiet>Written {escape(found['written_at'][:16].replace('T', ' '))} UTC</p>",
        *_verdict(found["outlook"]),
        *_numbers(found),
        *_rounds(found["outlook"]["rounds"]),
        *_classes(found),
        *_flows(found["became"]),
        *_findings(found["findings"]),
        _METHOD,
    )
    # No tag may end in what is only data.
    data = json.dumps(found, indent=1).replace("<", "\\u003c")
    body = "\n".join(parts)
    return (
        "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n"
        '<meta name=viewport content="width=device-width">\n'
        f"<title>{name}: how clean the labels are</title>\n<style>{_STYLE}</style>\n"
        f"<main>\n{body}\n</main>\n"
        f'<script type="application/json" id="figures">{data}</script>\n</html>\n'
    )


def _verdict(outlook: Mapping[str, Any]) -> Iterator[str]:
    words = outlook["verdict"] or "Nobody has reviewed anything yet."
    yield f"<p class=verdict>{escape(words[:1].upper() + words[1:])}</p>"
    if outlook["alarm"]:
        yield f"<p class=alarm><strong>Alarm.</strong> {escape(outlook['alarm'])}</p>"


def _numbers(found: Mapping[str, Any]) -> Iterator[str]:
    outlook, decided = found["outlook"], found["decided"]
    left, drawn = outlook["errors_left"], outlook["sample"]
    cells = [
        ("Images", f"{found['images']:,}", f"in {len(found['classes'])} classes"),
        ("Moved", f"{decided['moved']:,}", "to another class"),
        ("Excluded", f"{decided['excluded']:,}", "belong to none"),
        ("Await review", f"{found['awaiting_review']:,}", "suspects"),
    ]
    if left is None:
        needed = drawn["needed_for_an_estimate"]
        cells.append(("Errors left", "not known", f"{needed:,} more drawn images to decide"))
    else:
        sampled = f"{interval(left)}, from {left['sampled']:,} images drawn at random"
        cells.append(("Errors left", f"{left['rate']:.1%}", sampled))
    shown = "".join(
        f"<div><span>{title}</span><strong>{value}</strong><span>{words}</span></div>"
        for title, value, words in cells
    )
    yield f"<section class=numbers>{shown}</section>"
    if left is not None:
        yield f"<p>{escape(_assumption(left))} {escape(_to_halve(outlook['reviews_to_halve']))}</p>"


def _assumption(left: Mapping[str, Any]) -> str:
    error = left["reviewer_error"]
    if not error:
        return "Every decision is taken for the truth."
    twice = left["reviewer_error_from"]
    why = "" if twice is None else f", as {twice:,} second opinions have it"
    return f"{error:.1%} of the decisions are taken to be wrong{why}."


def _to_halve(reviews: int | None) -> str:
    if reviews is None:
        return "The ranking cannot say how many reviews would halve what is left."
    return f"About {reviews:,} more reviews, the most suspect first, would halve what is left."


def interval(left: Mapping[str, Any]) -> str:
    """Return the interval of a share in words.

    >>> interval({"interval": [0.011, 0.029]})
    '1.1% to 2.9%'
    """
    low, high = left["interval"]
    return f"{low:.1%} to {high:.1%}"


def _share(value: Mapping[str, Any] | None, name: str) -> str:
    return "" if value is None else f"{value[name]:.1%} ({interval(value)})"


def _gain(value: Mapping[str, Any] | None) -> str:
    if value is None:
        return ""
    low, high = value["interval"]
    return f"{100 * value['value']:+.1f} ± {50 * (high - low):.1f}"


def _rounds(rounds: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not rounds:
        return
    yield "<h2>Rounds</h2>"
    yield _plots(rounds)
    heads = ("Round", "Flagged", "Reviewed", "Moved", "Excluded", "Own agreement")
    rows = [
        [
            *(f"{one[name]:,}" for name in ("round", "flagged", "reviewed", "moved", "excluded")),
            "" if one["own_agreement"] is None else f"{one['own_agreement']:.1%}",
            _share(one["sealed_accuracy"], "value"),
            _gain(one["sealed_gain"]),
            _share(one["errors_left"], "rate"),
        ]
        for one in rounds
    ]
    yield _table((*heads, "Sealed accuracy", "Gain, points", "Errors left"), rows)


def _classes(found: Mapping[str, Any]) -> Iterator[str]:
    left = found["outlook"]["errors_left"]
    known = {} if left is None else left["classes"]
    yield "<h2>Classes</h2>"
    rows = [
        [name, f"{images:,}", _share(known.get(name), "rate")]
        for name, images in found["classes"].items()
    ]
    yield _table(("Class", "Images", "Errors left"), rows)


def _flows(became: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not became:
        return
    yield "<h2>Which class became which</h2>"
    rows = [[one["from"], one["to"], f"{one['images']:,}"] for one in became[:_MOST_FLOWS]]
    yield _table(("Label it came with", "Label now", "Images"), rows)
    if len(became) > _MOST_FLOWS:
        yield f"<p class=quiet>And {len(became) - _MOST_FLOWS:,} pairs more.</p>"


def _findings(findings: Mapping[str, int]) -> Iterator[str]:
    if not findings:
        return
    yield "<h2>Findings</h2>"
    rows = [[kind.replace("_", " "), f"{number:,}"] for kind, number in findings.items()]
    yield _table(("Kind", "Findings"), rows)


def _table(heads: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(words)}</th>" for words in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(words)}</td>" for words in row) + "</tr>" for row in rows
    )
    rows_of = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return f"<div class=wide><table>{rows_of}</table></div>"


# -- the plots --------------------------------------------------------------------------

# Round, share, ends of its interval; without a share nothing is drawn there.
_Point = tuple[int, float | None, Sequence[float] | None]


def _plots(rounds: Sequence[Mapping[str, Any]]) -> str:
    own: list[_Point] = [(one["round"], one["own_agreement"], None) for one in rounds]
    sealed = [_point(one, "sealed_accuracy", "value") for one in rounds]
    left = [_point(one, "errors_left", "rate") for one in rounds]
    lowest = min([1.0, *_reached(own, min), *_reached(sealed, min)])
    highest = max([0.01, *_reached(left, max)])
    panels = (
        _panel({"own": own, "sealed": sealed}, bottom=max(0.0, lowest - 0.05), top=1.0),
        _panel({"left": left}, bottom=0.0, top=min(1.0, 1.1 * highest)),
    )
    return f"<div class=plots>{''.join(panels)}</div>"


def _point(one: Mapping[str, Any], name: str, value: str) -> _Point:
    found = one[name]
    if found is None:
        return one["round"], None, None
    return one["round"], found[value], found["interval"]


def _reached(points: Sequence[_Point], end: Callable[[Iterable[float]], float]) -> list[float]:
    return [end((value, *(ends or ()))) for _, value, ends in points if value is not None]


_LEGEND = {"own": "Own agreement", "sealed": "Sealed accuracy", "left": "Errors left"}


def _panel(series: Mapping[str, Sequence[_Point]], *, bottom: float, top: float) -> str:
    numbers = [number for number, _, _ in next(iter(series.values()))]

    def y_of(share: float) -> float:
        return 10 + (top - share) / (top - bottom) * (_HEIGHT - _BOTTOM - 10)

    def x_of(number: int) -> float:
        at = numbers.index(number) / max(1, len(numbers) - 1)
        return _LEFT + 14 + at * (_WIDTH - _LEFT - 28)

    drawn = [_line(y_of(share), f"{share:.1%}") for share in _steps(bottom, top)]
    drawn += [_tick(x_of(number), number) for number in numbers]
    for name, points in series.items():
        spots = [(x_of(at), y_of(value), ends) for at, value, ends in points if value is not None]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in spots)
        drawn.append(f'<polyline class={name} points="{path}"/>')
        drawn += [_spot(name, x, y, [y_of(end) for end in ends or ()]) for x, y, ends in spots]
    legend = "".join(f"<span class={name}>{_LEGEND[name]}</span>" for name in series)
    box = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" role=img'
    words = " and ".join(_LEGEND[name] for name in series)
    svg = f'<svg {box} aria-label="{words} by round">{"".join(drawn)}</svg>'
    return f"<figure>{svg}<figcaption class=legend>{legend}</figcaption></figure>"


def _steps(bottom: float, top: float) -> list[float]:
    return [bottom + quarter * (top - bottom) / 4 for quarter in range(5)]


def _line(y: float, words: str) -> str:
    line = f'<line class=grid x1="{_LEFT}" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
    return line + f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor=end>{words}</text>'


def _tick(x: float, number: int) -> str:
    return f'<text x="{x:.1f}" y="{_HEIGHT - 6}" text-anchor=middle>{number}</text>'


def _spot(name: str, x: float, y: float, ends: Sequence[float]) -> str:
    dot = f'<circle class={name} cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>'
    if not ends:
        return dot
    reach = f'x1="{x:.1f}" x2="{x:.1f}" y1="{ends[0]:.1f}" y2="{ends[1]:.1f}"'
    return f"<line class={name} {reach}/>{dot}"


_METHOD = (
    "<h2>How to read this</h2><p>Images are drawn at random and looked at without what the model "
    "says of them; from what people decide about these follows how many of all labels are wrong, "
    "with a 95% interval. Sealed accuracy is the share of test images, which train nothing, that a "
    "round's models take for what they are labelled now. Own agreement is the same of the images "
    "that train, each judged by models that had not seen it. Where the two part, the models have "
    "learnt wrong labels.</p>"
)
_STYLE = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")
