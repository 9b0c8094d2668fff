"""Curves for docs/benchmarks.md. matplotlib is needed for these alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.measures import Outcome, Ranking, found_curve

if TYPE_CHECKING:
    from benchmarks.rounds import Stand

_PANEL_INCHES = (3.3, 3.1)
_POINTS = 300
# Where only some wrong labels are known, so much of the ranking is drawn.
_EARLY_SHARE = 0.3
# Told apart also by who sees few colours (Okabe and Ito 2008), and by their dashes.
_STYLES = (("#0072B2", "-"), ("#D55E00", "--"), ("#009E73", "-."), ("#CC79A7", (0, (1, 1))))
_DRAWN = (
    "Cleaner",
    "tuned cleanlab, self-confidence",
    "cleanlab, self-confidence",
    "50 neighbours' vote",
)


def draw_rankings(outcomes: Sequence[Outcome], path: Path) -> None:
    """Draw a panel a labelling: wrong labels found against photos looked at."""
    figure, panels = _panels(len(outcomes))
    for panel, outcome in zip(panels, outcomes, strict=True):
        wrong = outcome.labelling.wrong
        rate = float(wrong.mean())
        furthest = min(1.0, 2 * rate) if outcome.labelling.is_complete else _EARLY_SHARE
        chosen = [r for name in _DRAWN for r in outcome.rankings if r.name.startswith(name)]
        for ranking, (colour, dashes) in zip(chosen, _STYLES, strict=False):
            looked_at, found = _thinned(ranking, wrong, furthest)
            panel.plot(
                looked_at * 100,
                found * 100,
                linestyle=dashes,
                color=colour,
                label=_short(ranking.name),
            )
        best = (np.array([0, rate, furthest]) * 100, [0, 100, 100])
        panel.plot(*best, color="black", linewidth=0.7, label="best possible")
        panel.plot(
            [0, furthest * 100],
            [0, furthest * 100],
            color="#999999",
            linewidth=0.7,
            label="by chance",
        )
        kind = "wrong" if outcome.labelling.is_complete else "disputed"
        panel.set(
            title=f"{outcome.name}: {rate:.1%} {kind}",
            xlabel="photos looked at, %",
            xlim=(0, furthest * 100),
            ylim=(0, 102),
        )
    panels[0].set_ylabel("wrong labels found, %")
    _save(figure, panels, path)


def draw_rounds(courses: Mapping[str, Sequence[Stand]], path: Path) -> None:
    """Draw what is left wrong, and the accuracy, against photos reviewed."""
    figure, panels = _panels(2)
    for (name, course), (colour, dashes) in zip(courses.items(), _STYLES, strict=False):
        reviewed = [stand.reviewed for stand in course]
        look = {"color": colour, "linestyle": dashes, "label": name, "marker": "o", "markersize": 3}
        panels[0].plot(reviewed, [stand.wrong_left for stand in course], **look)
        panels[1].plot(reviewed, [100 * stand.accuracy for stand in course], **look)
        # Without the intervals a single photo more or less would look like a finding.
        low, high = 100 * np.transpose([stand.accuracy_interval for stand in course])
        panels[1].fill_between(reviewed, low, high, color=colour, alpha=0.1, linewidth=0)
    start = next(iter(courses.values()))
    wrong, last = start[0].wrong_left, start[-1].reviewed
    best = [wrong, max(0, wrong - last)] if last < wrong else [wrong, 0, 0]
    places = [0, last] if last < wrong else [0, wrong, last]
    panels[0].plot(places, best, color="black", linewidth=0.7, label="best possible")
    panels[0].set(xlabel="photos reviewed", ylabel="wrong labels left", ylim=(0, None))
    panels[1].set(xlabel="photos reviewed", ylabel="accuracy on sealed photos, %")
    _save(figure, panels, path)


def _short(name: str) -> str:
    return name.partition(" (")[0]


def _thinned(ranking: Ranking, wrong: np.ndarray, furthest: float) -> tuple[np.ndarray, np.ndarray]:
    looked_at, found = found_curve(ranking, wrong)
    points = np.linspace(0, furthest, _POINTS)
    return points, np.interp(points, looked_at, found)


def _panels(count: int) -> tuple[Any, Sequence[Any]]:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    # The same run gives the same file.
    matplotlib.rcParams["svg.hashsalt"] = "cleaner"
    width, height = _PANEL_INCHES
    figure, axes = plt.subplots(1, count, figsize=(width * count, height + 0.5), squeeze=False)
    for panel in axes[0]:
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(color="#e5e5e5", linewidth=0.6)
    return figure, axes[0]


def _save(figure: Any, panels: Sequence[Any], path: Path) -> None:
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="lower center", ncols=2 * len(panels), frameon=False, fontsize=8
    )
    figure.tight_layout(rect=(0, 0.13, 1, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {"Date": None} if path.suffix == ".svg" else {}
    figure.savefig(path, metadata=metadata, facecolor="white", dpi=110)
