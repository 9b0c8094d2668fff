"""The queue as a CSV file, and decisions from one."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cleaner.cells import guarded, unguarded
from cleaner.errors import CleanerError

# The first three are what `read` wants; the middle ones are left for a person to fill in.
_COLUMNS = (
    "path",
    "action",
    "label",
    "suggested_label",
    "current_label",
    "given_label",
    "label_quality",
    "self_confidence",
    "suggested_confidence",
    "flagged",
    "status",
    "split",
    "reasons",
)
_UNTOLD = (
    "suggested_label",
    "label_quality",
    "self_confidence",
    "suggested_confidence",
    "flagged",
)
_WANTED = ("path", "action", "label")
_SEPARATORS = (",", ";", "\t")


def write(sheet: Path, entries: Sequence[dict[str, Any]]) -> None:
    """Write queue entries, worst first, with empty columns for action and label.

    Raises:
        CleanerError: the file cannot be written.
    """
    rows = [
        entry | {"reasons": "; ".join(entry["reasons"]), "action": "", "label": ""} | _veil(entry)
        for entry in entries
    ]
    try:
        with sheet.open("w", newline="", encoding="utf-8") as lines:
            table = csv.writer(lines, lineterminator="\n")
            table.writerow(_COLUMNS)
            table.writerows([_cell(row[name]) for name in _COLUMNS] for row in rows)
    except OSError as error:
        raise CleanerError(
            f"{sheet}: cannot write it ({error.strerror}). Name a file in a place you can write to."
        ) from error


def _veil(entry: dict[str, Any]) -> dict[str, str]:
    """Return empty cells for what is not told of an image that is to be looked at blind."""
    if not entry["is_blind"]:
        return {}
    return dict.fromkeys(_UNTOLD, "") | {"reasons": "to be looked at blind"}


def _cell(value: object) -> object:
    return guarded(value) if isinstance(value, str) else value


def read(sheet: Path) -> list[tuple[str, str, str | None]]:
    """Return (path, action, label) of every line that names an action.

    Raises:
        CleanerError: the file cannot be read, or lacks a column, or holds no decision, or two
            about one image.
    """
    rows = _rows(sheet)
    found = []
    for row in rows:
        path, action, label = (row.get(name) or "" for name in _WANTED)
        if action.strip():
            found.append((unguarded(path), action.strip().lower(), unguarded(label) or None))
    if not found:
        raise CleanerError(
            f"{sheet}: holds no decision ({len(rows)} lines without an action). Write accept, "
            "move, exclude or skip into the column action."
        )
    _refuse_twice(sheet, found)
    return found


def _refuse_twice(sheet: Path, found: list[tuple[str, str, str | None]]) -> None:
    times = Counter(path for path, _, _ in found)
    path, count = times.most_common(1)[0]
    if count > 1:
        raise CleanerError(
            f"{sheet}: {path}: decided {count} times. Leave one line for each image."
        )


def _separator(first_line: str) -> str:
    """Return what stands between the columns; spreadsheets write the one of their country."""
    return max(_SEPARATORS, key=first_line.count)


def _rows(sheet: Path) -> list[dict[str, str]]:
    try:
        with sheet.open(newline="", encoding="utf-8-sig") as lines:
            first = lines.readline()
            lines.seek(0)
            table = csv.DictReader(lines, delimiter=_separator(first))
            columns = table.fieldnames or ()
            rows = list(table)
    except OSError as error:
        raise CleanerError(
            f"{sheet}: cannot read it ({error.strerror}). Name a CSV file with the columns "
            f"{', '.join(_WANTED)}."
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise CleanerError(
            f"{sheet}: this is not a CSV file in UTF-8 ({error}). Save it as one."
        ) from error
    missing = [name for name in _WANTED[:2] if name not in columns]
    if missing:
        raise CleanerError(
            f"{sheet}: has no column {missing[0]!r}. Its first line must name the columns "
            f"{', '.join(_WANTED)}."
        )
    return rows
