"""A table of all images, one a line, for spreadsheets and other tools."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from cleaner.cells import guarded
from cleaner.exporters.base import Entry, beside
from cleaner.items import shown_path
from cleaner.progress import Progress, Report, silent

FILE_NAME = "labels.csv"
COLUMNS = (
    "path",
    "given_label",
    "current_label",
    "status",
    "split",
    "label_quality",
    "self_confidence",
    "suggested_label",
    "flagged",
    "reasons",
    "content_hash",
)


def export(entries: Sequence[Entry], destination: Path, report: Report = silent) -> list[Path]:
    """Write one line an image, excluded ones too, in UTF-8; a folder gets a file in it.

    Text that a spreadsheet would run has an apostrophe before it (see `cleaner.cells`).
    Qualities are empty where no round has ranked the image, or a person is to look at it blind.

    Raises:
        ExportError: the destination is taken or cannot be written.
    """
    target = destination / FILE_NAME if destination.is_dir() else destination
    with beside(target) as partial, partial.open("x", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for done, entry in enumerate(entries, 1):
            table.writerow(_row(entry))
            report(Progress("Writing the table", done, len(entries)))
    return [target]


def _row(entry: Entry) -> list[str]:
    item, review = entry.item, entry.review
    texts = [item.path, item.given_label, item.current_label, item.status, item.split]
    row = [guarded(shown_path(text)) for text in texts]
    if review is None:
        row += [""] * 5
    else:
        row += [
            f"{review.label_quality:.6f}",
            f"{review.self_confidence:.6f}",
            guarded(shown_path(review.suggested_label)),
            "yes" if review.flagged else "no",
            guarded(shown_path("; ".join(review.reasons))),
        ]
    return [*row, item.content_hash]
