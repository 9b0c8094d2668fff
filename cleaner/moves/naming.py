"""Names that are still free in a folder, on any file system."""

from __future__ import annotations

import os
from collections import defaultdict
from itertools import count
from pathlib import PurePosixPath
from unicodedata import normalize

from cleaner.moves.places import Places

_NAME_LIMIT_BYTES = 255
_SUFFIX_LIMIT_BYTES = 32  # what is longer is no extension but a dot in a long name


def fold(name: str) -> str:
    r"""Return what two names share if some file system takes them for the same.

    >>> fold("CAFÉ.JPG") == fold("cafe\u0301.jpg")
    True
    """
    return normalize("NFC", normalize("NFC", name).casefold())


def numbered(name: str, number: int) -> str:
    """Return `name` with a number before its extension, within 255 bytes.

    >>> numbered("cat.jpg", 2)
    'cat~2.jpg'
    """
    path = PurePosixPath(name)
    stem, suffix = path.stem, path.suffix
    if len(os.fsencode(suffix)) > _SUFFIX_LIMIT_BYTES:
        stem, suffix = name, ""
    ending = f"~{number}{suffix}"
    while len(os.fsencode(stem + ending)) > _NAME_LIMIT_BYTES:
        stem = stem[:-1]  # whole characters, so that UTF-8 stays UTF-8
    return stem + ending


class Names:
    """The names in use, on disk and by one plan; folders are read once, when first asked for.

    Upper and lower case count as the same everywhere: a dataset that was cleaned on Linux is
    often copied to a file system that cannot hold both.
    """

    def __init__(self, places: Places) -> None:
        self._places = places
        self._taken: dict[str, set[str]] = {}  # by folded folder
        self._spellings: dict[str, list[str]] = defaultdict(list)  # by folded location
        self._read: set[str] = set()
        self._next_numbers: dict[str, count[int]] = {}

    def take(self, location: str) -> None:
        """Note that a plan uses a location.

        Raises:
            OSError: its folder cannot be read.
        """
        folder, name = location.rsplit("/", 1)
        self._in(folder).add(fold(name))

    def free(self, location: str) -> str:
        """Return and take `location` or, if something is there, its first free numbered form.

        Raises:
            OSError: its folder cannot be read.
        """
        folder, name = location.rsplit("/", 1)
        taken, free_name = self._in(folder), name
        numbers = self._next_numbers.setdefault(fold(location), count(2))
        while fold(free_name) in taken:
            free_name = numbered(name, next(numbers))
        taken.add(fold(free_name))
        return f"{folder}/{free_name}"

    def holder(self, location: str) -> str | None:
        """Return what lies there on disk, as it is spelled on disk, or None.

        A system for which upper and lower case are the same has the file under either name.
        Its number does not tell: over FUSE it can be another one under each name.

        Raises:
            OSError: its folder cannot be read.
        """
        self._in(location.rsplit("/", 1)[0])
        spellings = self._spellings[fold(location)]
        if location in spellings:
            return location
        if not os.path.lexists(self._places.resolve(location)):
            return None
        return spellings[0] if spellings else location

    def _in(self, folder: str) -> set[str]:
        taken = self._taken.setdefault(fold(folder), set())
        if folder not in self._read:
            try:
                with os.scandir(self._places.resolve(folder)) as entries:
                    for entry in entries:
                        taken.add(fold(entry.name))
                        location = f"{folder}/{entry.name}"
                        self._spellings[fold(location)].append(location)
            except FileNotFoundError:
                pass  # it will be made, empty
            self._read.add(folder)
        return taken
