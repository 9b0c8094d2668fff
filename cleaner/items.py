"""What a dataset is made of: items, and findings about files."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Split = Literal["train", "validation", "test"]
Status = Literal["unreviewed", "accepted", "moved", "excluded", "skipped"]

_LONE_BYTE = re.compile("[\udc80-\udcff]")
_SECOND_SLASH = re.compile("(?<=/)/")
_WRITTEN_BYTE = re.compile("//(2f|[89a-f][0-9a-f])")

SPLITS: tuple[Split, ...] = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class ScannedFile:
    """One image file as the scan read it.

    Attributes:
        path: relative to the dataset root, ``/`` between parts, as `os.fsdecode` gives it
            (bytes that are not UTF-8 are surrogate escapes; see `shown_path`).
        class_name: the first part of the path.
        content_hash: SHA-256 of the bytes that were decoded, in hex.
        perceptual_hash: of the upright picture, in hex: a 256-bit difference hash, then the
            colours of 6 x 6 cells; near duplicates differ little in both.
        width: pixels, after EXIF orientation.
        height: pixels, after EXIF orientation.
        byte_size: of the file.
        mtime_ns: modification time of the file, nanoseconds.
        looks: light, sharpness and colours, in hex, as `cleaner.looks` reads them.
    """

    path: str
    class_name: str
    content_hash: str
    perceptual_hash: str
    width: int
    height: int
    byte_size: int
    mtime_ns: int
    looks: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something worth telling a person about one file or several.

    Attributes:
        kind: ``unreadable``, ``skipped``, ``exact_duplicate``, ``near_duplicate``, ...
        paths: the files concerned, relative to the root; for groups, the kept one first.
        severity: ``info``, ``warning`` or ``error``.
        detail: one sentence.
    """

    kind: str
    paths: tuple[str, ...]
    severity: Literal["info", "warning", "error"]
    detail: str


@dataclass(frozen=True, slots=True)
class Scan:
    """What one walk over the class folders, or over the rows of a manifest, found.

    Attributes:
        version: differs as soon as a manifest was written to; "" of folders.
    """

    root: Path
    class_names: tuple[str, ...]
    files: tuple[ScannedFile, ...]
    findings: tuple[Finding, ...]
    version: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One image of the catalogue; its identity is its content and survives moves.

    Attributes:
        item_id: a number that never changes and is never reused.
        path: where the file is now, relative to the root (or, once an excluded image has
            been moved out, relative to the quarantine folder).
        given_label: the class folder at first scan; never changes.
        current_label: the given label after decisions.
        content_hash: SHA-256 of the file, in hex.
        group_id: images with the same number are duplicates or near duplicates.
        width: pixels, upright.
        height: pixels, upright.
        split: which part of the data it belongs to, for good.
        status: what a person last decided about it.
        quarantined: whether the file lies in the quarantine folder.
    """

    item_id: int
    path: str
    given_label: str
    current_label: str
    content_hash: str
    group_id: int
    width: int
    height: int
    split: Split
    status: Status
    quarantined: bool = False


@dataclass(frozen=True, slots=True)
class Dataset:
    """The catalogue at one moment; `items` are in the order of `item_id`."""

    root: Path
    class_names: tuple[str, ...]
    items: tuple[Item, ...] = field(repr=False)


def shown_path(path: str) -> str:
    r"""Return a path as people and JSON get it: bytes that are not UTF-8 appear escaped.

    >>> shown_path("cats/bad\udcff.jpg")
    'cats/bad\\xff.jpg'
    """
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def written_name(name: str) -> str:
    r"""Return a relative path or class name as URLs take it.

    A byte that is not UTF-8 is written ``//ff``; no relative path or class name holds two slashes
    in a row, so nothing is ambiguous.

    >>> written_name("caf\udce9/1.jpg")
    'caf//e9/1.jpg'
    """
    return _LONE_BYTE.sub(lambda found: f"//{ord(found[0]) - 0xDC00:02x}", name)


def written_path(path: str) -> str:
    """Return a path or class name as databases take it; in addresses there are more slashes.

    Of two slashes in a row the second is written ``//2f``, as if it were a byte.

    >>> written_path("cat/s3://pets/1.jpg")
    'cat/s3:///2fpets/1.jpg'
    """
    return written_name(_SECOND_SLASH.sub("//2f", path))


def read_name(written: str) -> str:
    """Return the name or path that was written."""
    return _WRITTEN_BYTE.sub(lambda found: _character(int(found[1], 16)), written)


def _character(byte: int) -> str:
    return "/" if byte == ord("/") else chr(0xDC00 + byte)
