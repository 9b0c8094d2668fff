"""The log of decisions as people read it: what an entry says, which are wanted, and as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from cleaner.cells import guarded
from cleaner.decisions import Action, Decision
from cleaner.items import shown_path

COLUMNS = (
    "decided_at",
    "reviewer",
    "path",
    "action",
    "label_before",
    "label_after",
    "reason",
    "round_id",
    "is_undone",
    "item_id",
    "op_id",
    "undoes",
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries of the log somebody wants to see; None wants all.

    Attributes:
        reviewer: who decided.
        action: what was decided.
        label: a class that the image had before or after.
        file: a part of the path, in capitals or not.
        since: the earliest moment, as `Decision.decided_at`.
        until: the first moment that is too late.
        round_id: the round in which it was decided.
    """

    reviewer: str | None = None
    action: Action | None = None
    label: str | None = None
    file: str | None = None
    since: str | None = None
    until: str | None = None
    round_id: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log.

    Attributes:
        sequence: its place; later ones have higher numbers.
        decision: what was recorded.
        path: where the image's file lies now.
        content_hash: of the image.
        is_undone: whether a later entry took it back; of an undo, made it again.
        later: how many later decisions of this image stand; they go by what it says.
    """

    sequence: int
    decision: Decision
    path: str
    content_hash: str
    is_undone: bool
    later: int

    @property
    def can_be_undone(self) -> bool:
        """Whether an undo of this entry alone would be accepted."""
        return self.decision.action != "undo" and not self.is_undone and not self.later

    def as_json(self) -> dict[str, Any]:
        """Return the fields the command line promises, plain values only."""
        decision = self.decision
        values = {name: getattr(decision, name) for name in COLUMNS if hasattr(decision, name)}
        names = ("label_before", "label_after")
        shown = {name: shown_path(values[name]) for name in names}
        return values | shown | {"path": shown_path(self.path), "is_undone": self.is_undone}


@dataclass(frozen=True, slots=True)
class Standing:
    """What an undo of much would take back.

    Attributes:
        decisions: how many.
        actions: how many of each action.
        files: how many of their images' files were moved, and would move again.
        built_on: how many of their images were decided again later and keep that label.
    """

    decisions: int
    actions: dict[str, int]
    files: int
    built_on: int


def sheet(entries: Iterable[Entry]) -> Iterator[str]:
    """Yield the lines of a CSV table, its heads first.

    Text that a spreadsheet would run has an apostrophe before it (see `cleaner.cells`).
    """
    yield _line(COLUMNS)
    for entry in entries:
        values = entry.as_json()
        yield _line([_cell(values[name]) for name in COLUMNS])


def _line(cells: Iterable[object]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return guarded(value) if isinstance(value, str) else value
