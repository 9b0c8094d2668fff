"""A cleaned copy in train, validation and test, each of class folders, as training scripts want."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cleaner.exporters.base import Entry, copies
from cleaner.progress import Report, silent


def export(entries: Sequence[Entry], destination: Path, report: Report = silent) -> list[Path]:
    """Copy every image that is not excluded to ``destination/<split>/<current label>/``.

    Raises:
        ExportError: the destination is taken or lies in the dataset, or an image is no longer
            what was scanned; nothing is left behind then.
    """
    return copies(entries, destination, report, above=lambda entry: f"{entry.item.split}/")
