"""What an exporter promises: something whole at the destination, or nothing; never overwriting."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cleaner.decisions import ReviewItem
from cleaner.errors import ExportError
from cleaner.items import Item, shown_path
from cleaner.progress import Report, silent

if TYPE_CHECKING:
    import keras

LABELS_NAME = "labels.txt"


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

    def __call__(self, model: keras.Model, class_names: Sequence[str], destination: Path) -> None:
        """Write a model that maps raw 0..255 RGB photos to one probability a class.

        Raises ExportError where the destination is taken or cannot be written.
        """
        ...


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
