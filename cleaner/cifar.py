"""What CIFAR-10 and CIFAR-100 consist of, whichever form they come in.

Reference: Krizhevsky, Learning Multiple Layers of Features from Tiny Images (2009).
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cleaner.errors import SourceError
from cleaner.items import Split, shown_path

SIDE_PX = 32
PIXEL_BYTES = 3 * SIDE_PX * SIDE_PX
CLASS_NAMES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
_IN_ALL = {"train": 50_000, "test": 10_000}
_MOST_BYTES = 2**28


@dataclass(frozen=True, slots=True)
class Batch:
    """One file of the set.

    Attributes:
        split: what its pictures are for.
        first: the number of its first picture in that part.
        pictures: how many it holds.
    """

    split: Split
    first: int
    pictures: int


TEN: Mapping[str, Batch] = {
    **{f"data_batch_{n + 1}": Batch("train", 10_000 * n, 10_000) for n in range(5)},
    "test_batch": Batch("test", 0, 10_000),
}
HUNDRED: Mapping[str, Batch] = {
    "train": Batch("train", 0, 50_000),
    "test": Batch("test", 0, 10_000),
}


def file_name(batch: Batch, index: int) -> str:
    """Return a picture's name, by its number in its part as the literature counts.

    >>> file_name(TEN["data_batch_2"], 7)
    'train-10007.png'
    """
    return f"{batch.split}-{batch.first + index:05d}.png"


def png(row: NDArray[np.uint8]) -> bytes:
    """Return (3072,) pixels, all red ones first, as a PNG without loss."""
    encoded = io.BytesIO()
    picture = row.reshape(3, SIDE_PX, SIDE_PX).transpose(1, 2, 0)
    Image.fromarray(picture).save(encoded, "PNG")
    return encoded.getvalue()


def members(source: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a folder, or of an archive as it is downloaded, by their bare names.

    Nothing is unpacked onto the disk, so no name in an archive leads anywhere.

    Raises:
        SourceError: it cannot be read, or the archive is damaged.
    """
    try:
        yield from _members(source)
    except (OSError, EOFError, tarfile.TarError) as error:
        raise SourceError(
            f"{shown_path(str(source))}: cannot be read to its end ({error}). Fetch it anew."
        ) from error


def _members(source: Path) -> Iterator[tuple[str, bytes]]:
    if source.is_dir():
        for path in sorted(source.iterdir()):
            if path.is_file() and path.stat().st_size <= _MOST_BYTES:
                yield path.name, path.read_bytes()
        return
    with tarfile.open(source, "r:*") as archive:
        for member in archive:
            held = archive.extractfile(member) if member.isfile() else None
            if held is not None and member.size <= _MOST_BYTES:
                yield PurePosixPath(member.name).name, held.read()


def names_in(source: Path) -> set[str]:
    """Return the bare names of the files, none where it is neither a folder nor an archive."""
    try:
        if source.is_dir():
            return {path.name for path in source.iterdir() if path.is_file()}
        if not tarfile.is_tarfile(source):
            return set()
        with tarfile.open(source, "r:*") as archive:
            return {PurePosixPath(name).name for name in archive.getnames()}
    except (OSError, EOFError, tarfile.TarError):
        return set()


def shortfall(class_names: Collection[str], counts: Mapping[tuple[str, Split | None], int]) -> str:
    """Return what a set of CIFAR's classes has more or less of than it should, or nothing.

    Args:
        class_names: all classes; those of another set are not counted.
        counts: pictures by class and part.

    >>> shortfall(("cat", "owl"), {("cat", "train"): 4_999})
    ''
    """
    if set(class_names) != set(CLASS_NAMES) and len(class_names) != 100:
        return ""
    lacking = [
        f"{name} {counts.get((name, split), 0):,} of {wanted:,} for {split}"
        for split, wanted in _each(len(class_names)).items()
        for name in sorted(class_names)
        if counts.get((name, split), 0) != wanted
    ]
    if not lacking:
        return ""
    more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
    return f"CIFAR-{len(class_names)} as published holds others: {', '.join(lacking[:3])}{more}."


def _each(classes: int) -> dict[Split, int]:
    return {"train": _IN_ALL["train"] // classes, "test": _IN_ALL["test"] // classes}


def lacking_files(batches: Mapping[str, Batch], found: Sequence[str]) -> str:
    """Return the sentence about files of the set that are not there, or nothing."""
    missing = [name for name in batches if name not in found]
    return f"Not there: {', '.join(missing)}." if missing else ""
