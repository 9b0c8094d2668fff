"""What an importer promises: the labelled pictures of a source, one by one, and nothing written.

Whatever a source says is somebody else's word: names are taken without their folders, and no file
outside the source is read unless a table names it in full.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cleaner import images
from cleaner.errors import ImageRejected
from cleaner.items import Split

_LONGEST_NAME = 200
_MAGIC = (
    (b"\xff\xd8\xff", ".jpg"),
    (b"\x89PNG\r\n\x1a\n", ".png"),
    (b"GIF8", ".gif"),
    (b"BM", ".bmp"),
    (b"II*\0", ".tif"),
    (b"MM\0*", ".tif"),
)


@dataclass(frozen=True, slots=True)
class Record:
    """One labelled picture of a source.

    Attributes:
        where: in words that lead a person to it in the source.
        class_name: the label as the source has it; it may not do for a folder.
        file_name: without a folder.
        read: returns the file's bytes; may raise ImageRejected.
        split: the part that the source says it belongs to, if it says so.
        is_sound: whether it was made here from plain pixels, so that no decoder need look at it.
    """

    where: str
    class_name: str
    file_name: str
    read: Callable[[], bytes]
    split: Split | None = None
    is_sound: bool = False


@dataclass(frozen=True, slots=True)
class PassedOver:
    """Something of a source that cannot be imported, and why."""

    where: str
    reason: str


Found = Record | PassedOver


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a source.

    Attributes:
        records: read as they are asked for, in the same order each time.
        total: how many there are; 0 where nobody knows before.
        class_names: classes that have a folder even without a picture.
        notes: what a person should know, one sentence each.
    """

    records: Iterable[Found]
    total: int = 0
    class_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Importer:
    """One format.

    Attributes:
        in_words: what a source of it looks like.
        recognises: tells, without reading much, whether a path is clearly of this format.
        contents: opens it. The second argument is the folder that the paths in a table are
            relative to, or None for the one that is usual in the format. Raises SourceError in
            one line where the source is none of this format.
    """

    in_words: str
    recognises: Callable[[Path], bool]
    contents: Callable[[Path, Path | None], Contents]


def file_record(
    path: Path, root: Path, class_name: str, split: Split | None = None, *, where: str = ""
) -> Record:
    """Return the record of a file, which is read only if it lies in `root`."""

    def read() -> bytes:
        return images.read_bytes(path, root=root)

    name = plain_name(path.name, path.name)
    return Record(where or relative(path, root), class_name, name, read, split)


def bytes_record(
    where: str, class_name: str, data: bytes, name: str, split: Split | None
) -> Record:
    """Return the record of an encoded picture; its name gets the ending of its format."""

    def read() -> bytes:
        return data

    if not images.is_candidate(name):
        name += _suffix(data)
    return Record(where, class_name, name, read, split)


def plain_name(text: str, otherwise: str) -> str:
    r"""Return what can be a file's name, without folders and dots before it, or the other name.

    >>> [plain_name(text, "7") for text in ("a/b.jpg", "..\\..\\b.jpg", "/etc/..", ".b.jpg")]
    ['b.jpg', 'b.jpg', '7', 'b.jpg']
    """
    name = PurePosixPath(text.replace("\\", "/")).name.lstrip(".")
    name = "".join(letter for letter in name if letter >= " " and letter != "\x7f")
    path = PurePosixPath(name)
    return path.stem[:_LONGEST_NAME] + path.suffix[:20] if name.strip() else otherwise


def inside(root: Path, written: str) -> Path:
    """Return where a relative path in a table leads.

    Raises:
        ImageRejected: it is absolute or leads out of `root`.
    """
    path = PurePosixPath(written.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or "\0" in written:
        raise ImageRejected("outside", f"{written!r} does not stay in {root}")
    return root.joinpath(*path.parts)


def relative(path: Path, root: Path) -> str:
    """Return a path as people find it from the source."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def listed(found: Iterator[Found]) -> Contents:
    """Return contents that are few enough to be listed before any is read."""
    records = tuple(found)
    return Contents(records, len(records))


def _suffix(data: bytes) -> str:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ".webp"
    return next((suffix for magic, suffix in _MAGIC if data.startswith(magic)), ".jpg")
