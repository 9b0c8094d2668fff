"""The folders that classes leave behind when they are renamed or merged."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from cleaner.moves.places import Places


def remove_empty(places: Places, names: Iterable[str]) -> None:
    """Remove those class folders, and folders in them, that hold no file any more."""
    for name in names:
        folder = places.dataset / name
        if folder.is_symlink():
            continue
        for inner, _folders, _files in os.walk(folder, topdown=False):
            try:
                Path(inner).rmdir()
            except OSError:
                continue  # something is in it, or it is not ours to remove
