"""From what `predict` is given to the files it looks at, and what it says of them."""

from __future__ import annotations

import csv
import glob
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from cleaner.cells import guarded
from cleaner.errors import CleanerError, ModelError
from cleaner.images import is_candidate, is_hidden

STDIN = "-"
_TOLD = ("label", "probability")


def named(words: Sequence[str]) -> list[Path]:
    """Return the files that are meant, each once, in the order of the words.

    A folder stands for all pictures below it, a pattern for what it matches, ``-`` for the
    paths on standard input, one a line. What is no file is handed on: whoever reads it says so.

    Raises:
        CleanerError: a folder or pattern stands for no picture.
    """
    found: dict[Path, None] = {}
    for word in words:
        lines = _lines() if word == STDIN else [word]
        for line in lines:
            found.update(dict.fromkeys(_files(line)))
    return list(found)


def _lines() -> Iterator[str]:
    # As names of files, which need not be UTF-8.
    for line in sys.stdin.buffer:
        name = os.fsdecode(line).rstrip("\r\n")
        if name:
            yield name


def _files(word: str) -> Iterable[Path]:
    path = Path(word)
    if path.is_dir():
        return _some(_below(path), f"{word}: no picture lies in this folder.")
    # A file may be called a[1].jpg: only what is no file is taken for a pattern.
    if glob.has_magic(word) and not os.path.lexists(word):
        # Path.glob takes no pattern that begins with a slash.
        matched = (Path(match) for match in sorted(glob.glob(word, recursive=True)))  # noqa: PTH207
        pictures = [match for match in matched if match.is_file() and is_candidate(match.name)]
        return _some(pictures, f"{word}: no picture has a name of this pattern.")
    return [path]


def _below(folder: Path) -> Iterator[Path]:
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        yield from (Path(where, name) for name in sorted(files) if is_candidate(name))


def _some(pictures: Iterable[Path], complaint: str) -> list[Path]:
    found = list(pictures)
    if not found:
        raise CleanerError(f"{complaint} Name photos, folders of photos, or a pattern.")
    return found


@dataclass(slots=True)
class Answers:
    """What is said of photos.

    Attributes:
        keeps: whether labels are said at the end; those of very many photos are much memory.
        sheet: where they are said at once.
        labelled: how many photos have labels.
        predictions: their labels, if they are kept.
        errors: why the others have none.
    """

    keeps: bool
    sheet: Sheet | None = None
    labelled: int = 0
    predictions: list[dict[str, Any]] = field(default_factory=list)
    errors: list[dict[str, str]] = field(default_factory=list)

    def add(self, prediction: dict[str, Any]) -> None:
        self.labelled += 1
        if self.sheet is not None:
            self.sheet.add(prediction)
        if self.keeps:
            self.predictions.append(prediction)

    def end(self) -> None:
        """Write what was passed over behind what was labelled."""
        if self.sheet is not None:
            for error in self.errors:
                self.sheet.add_passed_over(error)

    def check(self) -> None:
        """Raise ModelError where no photo could be labelled."""
        if self.errors and not self.labelled:
            first = self.errors[0]
            raise ModelError(f"{first['path']}: {first['reason']} No image was left to look at.")

    @property
    def document(self) -> dict[str, Any]:
        return {"predictions": self.predictions, "errors": self.errors}


class Sheet:
    """A line a photo: its labels, the likeliest first, or why it was passed over."""

    def __init__(self, path: Path, lines: TextIO, top: int) -> None:
        self._path = path
        self._names = [f"{name}{_ordinal(i)}" for i in range(top) for name in _TOLD]
        self._table = csv.writer(lines, lineterminator="\n")
        self._write(["path", *self._names, "reason"])

    def add(self, prediction: dict[str, Any]) -> None:
        """Write what a photo was labelled."""
        cells = [one[name] for one in prediction["top"] for name in _TOLD]
        cells += [""] * (len(self._names) - len(cells))
        self._write([prediction["path"], *cells, ""])

    def add_passed_over(self, error: dict[str, str]) -> None:
        """Write why a photo could not be looked at."""
        self._write([error["path"], *[""] * len(self._names), error["reason"]])

    def _write(self, cells: Sequence[object]) -> None:
        with _refusing(self._path):
            self._table.writerow([_cell(cell) for cell in cells])


@contextmanager
def written(path: Path, *, top: int) -> Iterator[Sheet]:
    """Yield a table that takes this name once it is whole.

    Raises:
        CleanerError: it cannot be written.
    """
    with _refusing(path):
        place, beside = _places(path)
        lines = beside.open("w", newline="", encoding="utf-8")
    try:
        yield Sheet(path, lines, top)
        with _refusing(path):
            lines.close()
            if beside != place:
                beside.replace(place)
    finally:
        with suppress(OSError):
            lines.close()
        if beside != place:
            beside.unlink(missing_ok=True)


def _places(path: Path) -> tuple[Path, Path]:
    """Return where a file is meant to be, and where it is written until it is whole."""
    if path.exists() and not path.is_file():
        return path, path  # a terminal or a pipe has nothing beside it
    place = Path(os.path.realpath(path))
    return place, place.with_name(f"{place.name}.part")


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CleanerError(
            f"{path}: cannot write it ({error.strerror}). Name a file in a place you can write to."
        ) from error


def _ordinal(place: int) -> str:
    return "" if place == 0 else f"_{place + 1}"


def _cell(value: object) -> object:
    return guarded(value) if isinstance(value, str) else value
