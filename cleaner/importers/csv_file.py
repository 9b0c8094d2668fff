"""A table with a path and a label in each row; what `export --format csv` writes is one."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cleaner import given_splits, images
from cleaner.cells import unguarded
from cleaner.errors import ImageRejected, SourceError
from cleaner.importers.base import (
    Contents,
    Found,
    Importer,
    PassedOver,
    file_record,
    inside,
    listed,
)
from cleaner.items import shown_path

_PATHS = (*("path", "file", "file_name", "filename", "image", "image_path", "filepath", "id"),)
_LABELS = ("current_label", "label", "class", "class_name", "category", "target")
_SPLITS = ("split", "subset", "set")
_DELIMITERS = ",;\t"


def _recognises(source: Path) -> bool:
    return source.suffix.lower() in (".csv", ".tsv") and source.is_file()


def _contents(source: Path, images_folder: Path | None) -> Contents:
    """Return a record a row; relative paths start at `images_folder` or where the table lies."""
    rows = _rows(source)
    if not rows:
        raise SourceError(f"{shown_path(str(source))}: there is no row in it.")
    root = images_folder or source.parent
    columns = _columns(source, rows[0])
    is_headed = columns is not None
    return listed(_found(rows[is_headed:], columns or {"path": 0, "label": 1}, root, 1 + is_headed))


def _rows(source: Path) -> list[list[str]]:
    try:
        with source.open(newline="", encoding="utf-8-sig") as lines:
            head = lines.readline()
            lines.seek(0)
            delimiter = max(_DELIMITERS, key=head.count)
            return [row for row in csv.reader(lines, delimiter=delimiter) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(
            f"{shown_path(str(source))}: cannot be read as a table ({error}). Give a CSV file in "
            "UTF-8 with a path and a label in each row."
        ) from error


def _columns(source: Path, head: Sequence[str]) -> Mapping[str, int] | None:
    """Return where path, label, split and status stand; None where there are no headings."""
    names = [name.strip().lower() for name in head]
    wanted = {"path": _PATHS, "label": _LABELS, "split": _SPLITS, "status": ("status",)}
    found = {
        meaning: names.index(next(name for name in known if name in names))
        for meaning, known in wanted.items()
        if any(name in names for name in known)
    }
    if {"path", "label"} <= found.keys():
        return found
    if len(head) == 2 and not found:
        return None
    raise SourceError(
        f"{shown_path(str(source))}: no column for "
        f"{' and '.join(name for name in ('path', 'label') if name not in found)}. Found: "
        f"{', '.join(head)[:200]}. Call them path and label."
    )


def _found(
    rows: Sequence[Sequence[str]], columns: Mapping[str, int], root: Path, first: int
) -> Iterator[Found]:
    for number, row in enumerate(rows, first):
        cells = {
            meaning: unguarded(row[place]) for meaning, place in columns.items() if place < len(row)
        }
        where = f"row {number:,}"
        if not cells.get("path", "").strip() or not cells.get("label", "").strip():
            yield PassedOver(where, "it has no path or no label")
        elif cells.get("status") == "excluded":
            yield PassedOver(where, "it was excluded")
        else:
            yield _record(cells, root, where)


def _record(cells: Mapping[str, str], root: Path, where: str) -> Found:
    written = cells["path"]
    path = Path(written)
    try:
        # Whoever names a file in full means that very file; from a relative path nobody expects
        # to be led elsewhere.
        path, root = (path, path.parent) if path.is_absolute() else (inside(root, written), root)
    except ImageRejected as error:
        return PassedOver(where, f"{images.REASONS[error.reason]}: {error.detail}")
    split = given_splits.named(cells.get("split", ""))
    where = f"{where}, {shown_path(written)}"
    return file_record(path, root, cells["label"].strip(), split, where=where)


FORMAT = Importer("a CSV file with columns path and label", _recognises, _contents)
