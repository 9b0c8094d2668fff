"""From what `predict` is given to the files it looks at: names, folders, patterns, a list."""

from __future__ import annotations

import csv
import glob
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from cleaner.cells import guarded
from cleaner.errors import CleanerError
from cleaner.images import is_candidate, is_hidden

STDIN = "-"


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


def write_sheet(sheet: Path, document: dict[str, Any], *, top: int) -> None:
    """Write a line a photo: its labels, the likeliest first, or why it was passed over.

    Raises:
        CleanerError: the file cannot be written.
    """
    names = [f"{name}{_ordinal(i)}" for i in range(top) for name in ("label", "probability")]
    try:
        with sheet.open("w", newline="", encoding="utf-8") as lines:
            table = csv.writer(lines, lineterminator="\n")
            table.writerow(["path", *names, "reason"])
            for found in document["predictions"]:
                cells = [c for one in found["top"] for c in (one["label"], one["probability"])]
                cells += [""] * (len(names) - len(cells))
                table.writerow([_cell(cell) for cell in (found["path"], *cells, "")])
            for error in document["errors"]:
                reason = _cell(error["reason"])
                table.writerow([_cell(error["path"]), *[""] * len(names), reason])
    except OSError as error:
        raise CleanerError(
            f"{sheet}: cannot write it ({error.strerror}). Name a file in a place you can write to."
        ) from error


def _ordinal(place: int) -> str:
    return "" if place == 0 else f"_{place + 1}"


def _cell(value: object) -> object:
    return guarded(value) if isinstance(value, str) else value
