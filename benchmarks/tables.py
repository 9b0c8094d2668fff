"""Figures as Markdown, to be read in a terminal and pasted into docs/benchmarks.md, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measures import AVERAGE_PRECISION, BEST_F1, F1_AT_CUT, LEAD, Interval, Outcome
from cleaner.settings import ScoreSettings

_EARLY = (0.02, 0.05, 0.10)
_NAMES = ("cleanlab", "tuned cleanlab")
_PEERS = tuple(f"{name}, self-confidence" for name in _NAMES)
_VOICES = ("Cleaner", *_NAMES)


def all_figures(outcome: Outcome) -> str:
    """Return every figure of a labelling: a line a measure, a column a ranking."""
    labelling = outcome.labelling
    kind = "wrong" if labelling.is_complete else "known to be disputed"
    columns = [f"{outcome.name}: {labelling.wrong.sum():,} of {labelling.wrong.size:,} {kind}"]
    columns += [ranking.name for ranking in outcome.rankings]
    names = dict.fromkeys(name for figures in outcome.figures for name in figures)
    lines = [[name, *(f.get(name, "") for f in outcome.figures)] for name in names]
    return markdown(columns, lines)


def summary(outcomes: Sequence[Outcome]) -> str:
    """Return a line a labelling: ours beside cleanlab's, the ranking, the cut-off, what is found.

    Where only some wrong labels are known, what is found of them is all that can be told.
    """
    complete = [outcome for outcome in outcomes if outcome.labelling.is_complete]
    parts = []
    if complete:
        columns = ["labels", "wrong", "AP"]
        for name in _NAMES:
            columns += [f"AP of {name}", "lead", "1 - AP beside it"]
        parts.append(markdown(columns, [_ranked(outcome) for outcome in complete]))
        columns = ["labels", "wrong", "flagged", "best F1", "F1 at the cut-off", "short by"]
        columns += [f"F1 at that of {name}" for name in _NAMES]
        parts.append(markdown(columns, [_cut(outcome) for outcome in complete]))
    columns = ["labels", "wrong", *(f"found in the first {share:.0%}" for share in _EARLY)]
    parts.append(markdown(columns, [_found(outcome) for outcome in outcomes]))
    return "\n".join(parts)


def _ranked(outcome: Outcome) -> Iterator[object]:
    ours = outcome.figures[0][AVERAGE_PRECISION]
    yield outcome.name
    yield f"{outcome.labelling.wrong.mean():.1%}"
    yield ours
    for peer in map(outcome.figures_of, _PEERS):
        yield peer.get(AVERAGE_PRECISION, "")
        yield peer.get(LEAD, "")
        yield _left_beside(ours, peer.get(AVERAGE_PRECISION))


def _cut(outcome: Outcome) -> Iterator[object]:
    ours, flagged = outcome.figures[0], outcome.rankings[0].flagged
    yield outcome.name
    yield f"{outcome.labelling.wrong.sum():,}"
    yield "" if flagged is None else f"{flagged.sum():,}"
    yield ours[BEST_F1]
    yield ours[F1_AT_CUT]
    yield f"{100 * (ours[BEST_F1].value - ours[F1_AT_CUT].value):.1f}"
    for peer in map(outcome.figures_of, _PEERS):
        yield peer.get(F1_AT_CUT, "")


def _left_beside(ours: Interval, peer: Interval | None) -> str:
    if peer is None or peer.value == 1:
        return ""
    return f"{(1 - ours.value) / (1 - peer.value):.2f}"


def _found(outcome: Outcome) -> Iterator[object]:
    """Name each voice with what it finds; cleanlab's is its better method at each share."""
    count = int(outcome.labelling.wrong.sum())
    yield outcome.name
    yield f"{count:,}" if outcome.labelling.is_complete else f"{count:,} known"
    for share in _EARLY:
        found = {name: _most_found(outcome, name, share) for name in _VOICES}
        yield ", ".join(
            f"{name} {recall * count:,.0f}" for name, recall in found.items() if recall is not None
        )


def _most_found(outcome: Outcome, name: str, share: float) -> float | None:
    pairs = zip(outcome.rankings, outcome.figures, strict=True)
    recalls = [
        figures[f"recall after {share:.0%}"].value
        for ranking, figures in pairs
        if ranking.name.split(",")[0] == name
    ]
    return max(recalls, default=None)


def markdown(
    columns: Sequence[object], lines: Sequence[Sequence[object] | Iterator[object]]
) -> str:
    """Return a table as Markdown."""
    rows = [columns, ["---"] * len(columns), *lines]
    return "".join(f"| {' | '.join(str(cell) for cell in row)} |\n" for row in rows)


def write_json(outcomes: Sequence[Outcome], settings: ScoreSettings, path: Path) -> None:
    """Keep every figure as value, low and high."""
    document = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "settings": settings.as_json(),
        "labellings": {
            outcome.name: {
                "images": outcome.labelling.wrong.size,
                "wrong": int(outcome.labelling.wrong.sum()),
                "rankings": {
                    ranking.name: {name: figure.rounded() for name, figure in figures.items()}
                    for ranking, figures in zip(outcome.rankings, outcome.figures, strict=True)
                },
            }
            for outcome in outcomes
        },
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
