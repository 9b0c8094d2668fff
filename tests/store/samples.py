"""Rows without image files, for tests that need many or odd ones."""

from __future__ import annotations

from cleaner.items import ScannedFile


def scanned_file(path: str, number: int) -> ScannedFile:
    """Return a file as a scan would have read it; another number is another picture."""
    return ScannedFile(path, path.split("/", 1)[0], f"{number:064x}", "0", 1, 1, 1, 1)
