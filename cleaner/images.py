"""The one decode path: a file's bytes become an upright RGB picture, or one clear reason why not.

Everything that looks at pixels comes through here, so what is hashed, shown and learnt from is
the same picture. A file is read once, after it is known to be a regular file inside the dataset
and small enough. It is decoded (`cleaner.pixels`) in another process (`cleaner.decoders`), which
has so much time and memory and no more: a file that hangs or crashes a decoder is refused like
any other. All functions may be called from several threads.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from cleaner import decoders, objects
from cleaner.addresses import Address
from cleaner.arrays import RGBImage, SquareImage
from cleaner.errors import ImageRejected
from cleaner.pixels import DEFAULT_LIMITS, RISE_BYTES, TONES_SIDE, Inspected, Limits, squared

__all__ = [
    "DECODE_MARGIN",
    "DEFAULT_LIMITS",
    "IMAGE_SUFFIXES",
    "REASONS",
    "RISE_BYTES",
    "TONES_SIDE",
    "Inspected",
    "Limits",
    "decode",
    "decoded",
    "inspect",
    "is_candidate",
    "is_hidden",
    "load",
    "read_bytes",
    "squared",
    "squares",
    "stamp",
    "thumbnail",
]

# fmt: off
IMAGE_SUFFIXES = frozenset((
    ".avif", ".bmp", ".dib", ".gif", ".heic", ".heif", ".hif", ".jfif", ".jpe", ".jpeg", ".jpg",
    ".png", ".tif", ".tiff", ".webp",
))
"""Endings, in lower case, of the formats that are read."""

_OTHER_SUFFIXES = frozenset((
    ".ico", ".j2k", ".jp2", ".jpx", ".pbm", ".pgm", ".pnm", ".ppm", ".psd", ".tga",
))
"""Endings of pictures that are not read: their owner will want to know, so they are opened."""
# fmt: on

REASONS: dict[str, str] = {
    "address": "its address is not one that is read",
    "missing": "the file is gone or its link leads nowhere",
    "outside": "the link leads out of the dataset folder",
    "not_a_file": "it is not an ordinary file",
    "no_permission": "the file may not be read",
    "no_login": "its server does not know who asks",
    "read_error": "the file could not be read from the disk",
    "changed": "the file was written to while it was read",
    "too_many_bytes": "the file is too large",
    "empty": "the file is empty",
    "not_an_image": "the file holds no picture",
    "unsupported_format": "pictures of this format are not read",
    "unsupported_pixels": "pixels of this kind cannot be shown as a photo",
    "too_many_pixels": "the picture is too large",
    "truncated": "the file ends before the picture does",
    "damaged": "the picture is damaged",
    "too_slow": "the picture takes too long to decode",
    "too_much_memory": "the picture takes too much memory to decode",
    "crashed": "the picture crashed its decoder",
}
"""Why a file is left out: the codes of `ImageRejected`, in plain words."""

# Views are cut from pictures this much larger than the network's input, so that a crop of half
# the area is not blurred by enlarging it. A finished model decodes with the same margin: a
# reduced JPEG is not quite the full one made smaller.
DECODE_MARGIN = 1.25


def is_hidden(name: str) -> bool:
    """Return whether a file or folder name is hidden or an operating system's leavings."""
    dotted = name.startswith(".") and not name.startswith("..")
    return dotted or name.lower() in ("thumbs.db", "desktop.ini", "__macosx")


def is_candidate(name: str) -> bool:
    """Return whether a file name promises a picture; others are skipped and never opened.

    >>> [is_candidate(name) for name in ("UPPER.JPG", "old.ico", "notes.txt", "._twin.jpg")]
    [True, True, False, False]
    """
    suffix = PurePosixPath(name).suffix.lower()
    return not is_hidden(name) and (suffix in IMAGE_SUFFIXES or suffix in _OTHER_SUFFIXES)


def read_bytes(path: Path, *, root: Path, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """Return a file's bytes, read once; never waits on a pipe and never leaves `root`.

    A link is followed only to a file inside `root`. What has an address instead of a path is
    fetched; a `root` says nothing about it.

    Raises:
        DatasetError: the package that an address needs is not installed.
        ImageRejected: it is not an ordinary, readable file of a bearable size inside `root`.
    """
    if isinstance(path, Address):
        data = objects.read(path, most_bytes=limits.max_bytes + 1)
        _check_bytes(len(data), limits.max_bytes)
        return data
    try:
        resolved = os.path.realpath(path, strict=True)
        if not _lies_in(os.path.realpath(root), resolved):
            raise ImageRejected("outside", f"it leads to {resolved!r}.")
        with open(resolved, "rb", opener=_open_at_once) as file:
            return _read_regular(file, limits)
    except OSError as error:
        raise _unreadable(error) from error


def stamp(path: Path, *, limits: Limits = DEFAULT_LIMITS) -> tuple[int | None, int]:
    """Return size and time of modification of a file that is not read, or version of an object.

    The size is None and the other number 0 where a server does not say.

    Raises:
        DatasetError: the package that an address needs is not installed.
        ImageRejected: it is not there, or too large.
    """
    if not isinstance(path, Address):
        try:
            status = path.stat()
        except (OSError, ValueError) as error:
            raise _unreadable(error) from error
        return status.st_size, status.st_mtime_ns
    found = objects.version(path)
    if found.byte_size == 0:
        raise ImageRejected("empty", "0 bytes.")
    _check_bytes(found.byte_size or 0, limits.max_bytes)
    return found.byte_size, found.number


def decode(
    data: bytes, *, min_side_px: int | None = None, limits: Limits = DEFAULT_LIMITS
) -> RGBImage:
    """Return the picture upright, as RGB; transparent parts are white, animations stand still.

    With `min_side_px` the picture comes smaller, in less time, by a whole factor: its shorter
    side stays at least that long (less than about twice that). It is never enlarged.

    Raises:
        ImageRejected: these bytes are no picture that is read here.
    """
    asked = {"min_side_px": min_side_px, "limits": _as_asked(limits)}
    facts, pixels = _asked("decode", data, asked)
    return np.frombuffer(pixels, np.uint8).reshape(facts["shape"])


def load(
    path: Path, *, root: Path, min_side_px: int | None = None, limits: Limits = DEFAULT_LIMITS
) -> RGBImage:
    """Return the picture in a file: `read_bytes`, then `decode`."""
    return decode(
        read_bytes(path, root=root, limits=limits), min_side_px=min_side_px, limits=limits
    )


def inspect(data: bytes, *, limits: Limits = DEFAULT_LIMITS) -> Inspected:
    """Return size and perceptual hash; the whole stream is read, so damage shows.

    Raises:
        ImageRejected: these bytes are no picture that is read here.
    """
    facts, _ = _asked("inspect", data, {"limits": _as_asked(limits)})
    return Inspected(**facts)


def decoded(
    files: Sequence[bytes], *, limits: Limits = DEFAULT_LIMITS
) -> list[RGBImage | ImageRejected]:
    """Return each picture as `decode` does, or why not; of bytes as `read_bytes` returns them."""
    asked = {"limits": _as_asked(limits)}
    return [
        answer
        if isinstance(answer, ImageRejected)
        else np.frombuffer(answer[1], np.uint8).reshape(answer[0]["shape"])
        for answer in decoders.ask_each("decode", files, asked)
    ]


def squares(
    files: Sequence[bytes], *, side_px: int, limits: Limits = DEFAULT_LIMITS
) -> list[SquareImage | ImageRejected]:
    """Return each picture as a square as a finished model sees it, or why not.

    Decoder and resizing are the same as `decode` and `squared`, in less time. The files should
    take little memory together, and be as `read_bytes` returns them.
    """
    least_px = round(side_px * DECODE_MARGIN)
    asked = {"side_px": side_px, "min_side_px": least_px, "limits": _as_asked(limits)}
    return [
        answer
        if isinstance(answer, ImageRejected)
        else np.frombuffer(answer[1], np.uint8).reshape(side_px, side_px, 3)
        for answer in decoders.ask_each("square", files, asked)
    ]


def thumbnail(
    data: bytes, *, side_px: int, quality: int = 85, limits: Limits = DEFAULT_LIMITS
) -> bytes:
    """Return a JPEG that fits a square of `side_px`, without metadata and never enlarged.

    Raises:
        ImageRejected: these bytes are no picture that is read here.
    """
    asked = {"side_px": side_px, "quality": quality, "limits": _as_asked(limits)}
    _, jpeg = _asked("thumbnail", data, asked)
    return jpeg


@cache
def _as_asked(limits: Limits) -> dict[str, Any]:
    return asdict(limits)


def _asked(verb: str, data: bytes, asked: dict[str, Any]) -> decoders.Answer:
    # An upload is no file that `read_bytes` has seen.
    _check_bytes(len(data), asked["limits"]["max_bytes"])
    return decoders.ask(verb, data, asked)


def _check_bytes(count: int, max_bytes: int) -> None:
    if count > max_bytes:
        raise ImageRejected("too_many_bytes", f"{count:,} bytes; at most {max_bytes:,} are read.")


def _lies_in(root: str, resolved: str) -> bool:
    # As pathlib would say it, at a tenth of its time.
    return resolved == root or resolved.startswith(root.rstrip("/") + "/")


def _open_at_once(path: str, flags: int) -> int:
    # A pipe must not block, and the name was resolved, so a link by now is somebody's trick.
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY)


def _read_regular(file: io.BufferedReader, limits: Limits) -> bytes:
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        raise ImageRejected("not_a_file", "a pipe, socket, device or folder.")
    _check_bytes(status.st_size, limits.max_bytes)
    data = file.read(status.st_size + 1)
    if len(data) != status.st_size:
        raise ImageRejected("changed", "scan again when nothing writes to it.")
    return data


def _unreadable(error: OSError | ValueError) -> ImageRejected:
    if isinstance(error, ValueError):
        return ImageRejected("missing", "no file can have such a name.")
    reasons = {
        errno.ENOENT: "missing",
        errno.ENOTDIR: "missing",
        errno.ELOOP: "missing",
        errno.EACCES: "no_permission",
        errno.EPERM: "no_permission",
        errno.ENXIO: "not_a_file",
        errno.ENODEV: "not_a_file",
        errno.EISDIR: "not_a_file",
    }
    reason = reasons.get(error.errno or 0, "read_error")
    return ImageRejected(reason, f"{error.strerror or error}.")
