"""What an exporter promises: something whole at the destination, or nothing; never overwriting."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol

from cleaner import images
from cleaner.addresses import Address
from cleaner.arrays import ImageBatch
from cleaner.decisions import ReviewItem
from cleaner.errors import ExportError, ImageRejected
from cleaner.items import Item, shown_path
from cleaner.progress import Progress, Report, silent

if TYPE_CHECKING:
    import keras

LABELS_NAME = "labels.txt"
_LONGEST_NAME_BYTES = 255


def _nothing(_entry: Entry) -> str:
    return ""


def _no_more(_folder: Path, _names: Sequence[str]) -> None:
    """Write nothing."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One image as a dataset exporter sees it.

    Attributes:
        item: what is known about it.
        file: where it lies now.
        root: the folder that holds it; a link out of it is not followed.
        review: how the latest round ranked it, or None.
    """

    item: Item
    file: Path
    root: Path
    review: ReviewItem | None = None


class DatasetExporter(Protocol):
    """Writes the images or what is known about them."""

    def __call__(
        self, entries: Sequence[Entry], destination: Path, report: Report = silent
    ) -> list[Path]:
        """Return what was written.

        Raises ExportError where the destination is taken or cannot be written; the dataset is
        only ever read.
        """
        ...


class ModelExporter(Protocol):
    """Writes a trained model in one format, with its labels and its preprocessing inside."""

    def __call__(
        self,
        model: keras.Model,
        class_names: Sequence[str],
        destination: Path,
        photos: ImageBatch | None = None,
        /,
    ) -> None:
        """Write a model that maps raw 0..255 RGB photos to one probability a class.

        The photos, at the model's input side, are of those it was trained on; a format in whole
        numbers is calibrated on them. Raises ExportError where the destination is taken or cannot
        be written.
        """
        ...


def copies(
    entries: Sequence[Entry],
    destination: Path,
    report: Report = silent,
    above: Callable[[Entry], str] = _nothing,
    finish: Callable[[Path, Sequence[str]], None] = _no_more,
) -> list[Path]:
    """Copy the images of `kept_of` to ``destination/<above>/<current label>/``, in that order.

    `finish` is given the unfinished folder and the names in it, to write what belongs to them.

    Raises:
        ExportError: the destination is taken or lies in the dataset, or an image is no longer
            what was scanned; nothing is left behind then.
    """
    kept = kept_of(entries)
    for root in {entry.root for entry in kept}:
        check_outside(root, destination)
    taken: set[str] = set()
    names: list[str] = []
    with beside(destination) as partial:
        partial.mkdir()
        for done, entry in enumerate(kept, 1):
            names.append(_free_name(entry, above(entry), taken))
            target = partial / names[-1]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(verified_bytes(entry))
            report(Progress("Copying the images", done, len(kept), shown_path(names[-1])))
        finish(partial, names)
    return [destination / name for name in names]


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


def verified_bytes(entry: Entry) -> bytes:
    """Return the bytes that were scanned, or raise ExportError if they are others by now."""
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


@contextmanager
def beside(destination: Path) -> Iterator[Path]:
    """Yield a path to write to, and put what lies there in place when the block ends.

    Whoever looks at the destination sees all of it or nothing. An empty folder may stand there.

    Raises:
        ExportError: the destination is taken, or cannot be written.
    """
    _check_free(destination)
    partial = destination.with_name(f".{destination.name}.partial")
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        _remove(partial)
        yield partial
        _place(partial, destination)
    except FileExistsError as error:
        raise _taken(destination) from error
    except OSError as error:
        raise ExportError(
            f"{shown_path(str(destination))}: cannot be written ({error.strerror or error}). "
            "Name a place with enough room that you can write to."
        ) from error
    finally:
        _remove(partial)


def label_lines(class_names: Sequence[str]) -> str:
    r"""Return the text of a labels file: one class a line, in the order of the outputs.

    >>> label_lines(["cat", "two\nlines"])
    'cat\ntwo\\nlines\n'
    """
    return "".join(f"{label_line(name)}\n" for name in class_names)


def label_line(class_name: str) -> str:
    r"""Return a class name as models carry it: readable text on one line.

    >>> label_line("bad\udcff")
    'bad\\xff'
    """
    # Python's splitlines ends a line at each of these, so a reader may too.
    breaks = str.maketrans({c: repr(c)[1:-1] for c in "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"})
    return shown_path(class_name).translate(breaks)


def _check_free(destination: Path) -> None:
    is_empty_folder = destination.is_dir() and not any(destination.iterdir())
    if os.path.lexists(destination) and not is_empty_folder:
        raise _taken(destination)


def _taken(destination: Path) -> ExportError:
    return ExportError(
        f"{shown_path(str(destination))}: there is something already, and nothing is "
        "overwritten. Name a new place or an empty folder."
    )


def _place(written: Path, destination: Path) -> None:
    if written.is_dir():
        # The system itself refuses to put a folder over one that is not empty.
        written.rename(destination)
        return
    # A rename would silently overwrite a file that appeared meanwhile; claiming the name does not.
    os.close(os.open(destination, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    written.replace(destination)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _free_name(entry: Entry, above: str, taken: set[str]) -> str:
    label, uri = f"{above}{entry.item.current_label}", entry.item.path.partition("/")[2]
    if isinstance(entry.file, Address) and entry.file.protocol in ("http", "https"):
        # What stands behind these is no part of a page's name, nor would it be one of a picture.
        uri = re.split(r"[?#]", uri, maxsplit=1)[0]
    # A manifest's uri may lead upwards.
    below = PurePosixPath(*(part for part in uri.split("/") if part not in ("", "..")))
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
