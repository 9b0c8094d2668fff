"""A cleaned copy of the dataset: class folders by current label, excluded images left out."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from cleaner import images
from cleaner.errors import ExportError, ImageRejected
from cleaner.exporters.base import Entry, beside
from cleaner.items import shown_path
from cleaner.progress import Progress, Report, silent

_LONGEST_NAME_BYTES = 255


def export(entries: Sequence[Entry], destination: Path, report: Report = silent) -> list[Path]:
    """Copy every image that is not excluded to ``destination/<current label>/``.

    The originals are only read, and each copy has the bytes that were scanned. Of two images
    that would get the same name (also where a file system ignores case) the later by item_id is
    called ``name~2.jpg``.

    Raises:
        ExportError: the destination is taken or lies in the dataset, or an image is no longer
            what was scanned; nothing is left behind then.
    """
    kept = kept_of(entries)
    for root in {entry.root for entry in kept}:
        check_outside(root, destination)
    taken: set[str] = set()
    written: list[Path] = []
    with beside(destination) as partial:
        partial.mkdir()
        for done, entry in enumerate(kept, 1):
            name = _free_name(entry, taken)
            target = partial / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(_verified_bytes(entry))
            written.append(destination / name)
            report(Progress("Copying the images", done, len(kept), shown_path(name)))
    return written


def kept_of(entries: Sequence[Entry]) -> list[Entry]:
    """Return those that are copied, in the order of what `export` returns."""
    return [e for e in entries if e.item.status != "excluded" and not e.item.quarantined]


def check_outside(root: Path, destination: Path) -> None:
    """Raise ExportError where the destination lies in the folder that images are copied from."""
    if destination.resolve().is_relative_to(root.resolve()):
        raise ExportError(
            f"{shown_path(str(destination))}: lies in the dataset {shown_path(str(root))}, "
            "where it would be taken for a class. Name a folder outside of it."
        )


def _free_name(entry: Entry, taken: set[str]) -> str:
    label, path = entry.item.current_label, PurePosixPath(entry.item.path)
    below = PurePosixPath(*path.parts[1:])
    name, number = f"{label}/{below}", 1
    while _as_compared(name) in taken:
        number += 1
        name = f"{label}/{below.with_name(_numbered(below, number))}"
    taken.add(_as_compared(name))
    return name


def _numbered(path: PurePosixPath, number: int) -> str:
    ending = f"~{number}{path.suffix}"
    room = _LONGEST_NAME_BYTES - len(ending.encode("utf-8", "surrogateescape"))
    stem = path.stem.encode("utf-8", "surrogateescape")[:room]
    return stem.decode("utf-8", "surrogateescape") + ending


def _as_compared(name: str) -> str:
    """Return the name as file systems see it that ignore case and Unicode's two spellings."""
    return unicodedata.normalize("NFC", name).casefold()


def _verified_bytes(entry: Entry) -> bytes:
    shown = shown_path(entry.item.path)
    try:
        data = images.read_bytes(entry.file, root=entry.root)
    except ImageRejected as error:
        raise ExportError(
            f"{shown}: cannot be read ({error}). Scan the dataset again, then export."
        ) from error
    if hashlib.sha256(data).hexdigest() != entry.item.content_hash:
        raise ExportError(
            f"{shown}: the file has changed since it was scanned. Scan the dataset again, "
            "then export."
        )
    return data
