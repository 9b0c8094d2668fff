"""The parts that images came in: what a source called train, validation or test stays that.

Kept by content beside the database, and obeyed when an image is first taken into the catalogue.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from pathlib import Path

from cleaner.items import SPLITS, Split

FILE_NAME = "splits.csv"
_COLUMNS = ("content_hash", "split")
# An image that is there twice trains nothing if either copy is to be tested on.
_STRONGER = {split: place for place, split in enumerate(SPLITS)}

_SPLITS_BY_WORD: Mapping[str, Split] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}


def named(word: str) -> Split | None:
    """Return the part that a folder or a column means.

    >>> [named(word) for word in ("Val", "testing", "cats")]
    ['validation', 'test', None]
    """
    return _SPLITS_BY_WORD.get(word.strip().lower())


def read(state: Path) -> dict[str, Split]:
    """Return the part by content hash; nothing where no image came with one."""
    try:
        with (state / FILE_NAME).open(newline="", encoding="ascii") as lines:
            rows = [(row["content_hash"], named(row["split"])) for row in csv.DictReader(lines)]
    except FileNotFoundError:
        return {}
    return {content_hash: split for content_hash, split in rows if split is not None}


def add(state: Path, found: Mapping[str, Split]) -> int:
    """Keep these too; return how many contents turned out to lie in several parts.

    Of several parts of one content the one that is held out most strictly counts.
    """
    known = read(state)
    merged, several = dict(known), 0
    for content_hash, split in found.items():
        before = known.get(content_hash, split)
        several += before != split
        merged[content_hash] = stricter(before, split)
    if merged != known:
        _write(state / FILE_NAME, merged)
    return several


def stricter(one: Split, other: Split) -> Split:
    """Return the part that is held out more strictly.

    >>> stricter("validation", "train")
    'validation'
    """
    return max(one, other, key=_STRONGER.__getitem__)


def _write(file: Path, splits: Mapping[str, Split]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_suffix(".part")
    with beside.open("w", newline="", encoding="ascii") as lines:
        table = csv.writer(lines, lineterminator="\n")
        table.writerow(_COLUMNS)
        table.writerows(splits.items())
        lines.flush()
        os.fsync(lines.fileno())
    beside.replace(file)
