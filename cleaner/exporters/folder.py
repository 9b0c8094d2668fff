"""A cleaned copy of the dataset: class folders by current label, excluded images left out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cleaner.exporters.base import Entry, copies
from cleaner.progress import Report, silent


def export(entries: Sequence[Entry], destination: Path, report: Report = silent) -> list[Path]:
    """Copy every image that is not excluded to ``destination/<current label>/``.

    The originals are only read, and each copy has the bytes that were scanned. Of two images
    that would get the same name (also where a file system ignores case) the later by item_id is
    called ``name~2.jpg``.

    Raises:
        ExportError: the destination is taken or lies in the dataset, or an image is no longer
            what was scanned; nothing is left behind then.
    """
    return copies(entries, destination, report)
