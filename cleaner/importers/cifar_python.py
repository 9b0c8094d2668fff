"""CIFAR in its Python form, whose pickles are read without running anything that is in them.

A pickle may name any function to be called. Here it may name four, none of which is the real one:
stand-ins that only note the shape, the type and the bytes of an array.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cleaner import cifar
from cleaner.errors import SourceError
from cleaner.importers.base import Contents, Found, Importer, PassedOver, Record
from cleaner.items import shown_path

_NAMES_OF_TEN, _NAMES_OF_HUNDRED = "batches.meta", "meta"


def _recognises(source: Path) -> bool:
    names = cifar.names_in(source)
    return bool(names & cifar.TEN.keys()) or {_NAMES_OF_HUNDRED, *cifar.HUNDRED} <= names


def _contents(source: Path, _images: Path | None) -> Contents:
    """Return the pictures under their fine labels; CIFAR-100's coarse ones are left out."""
    found = sorted(cifar.names_in(source))
    is_hundred = {_NAMES_OF_HUNDRED, *cifar.HUNDRED} <= set(found)
    batches = cifar.HUNDRED if is_hundred else cifar.TEN
    here = [name for name in batches if name in found]
    if not here:
        raise SourceError(
            f"{shown_path(str(source))}: no data_batch_1 in it. Give the folder or the .tar.gz of "
            "CIFAR's Python form."
        )
    class_names = _class_names(source, is_hundred=is_hundred)
    note = cifar.lacking_files(batches, found)
    return Contents(
        records=_records(source, batches, class_names),
        total=sum(batches[name].pictures for name in here),
        class_names=tuple(class_names),
        notes=(note,) if note else (),
    )


def _class_names(source: Path, *, is_hundred: bool) -> Sequence[str]:
    wanted, key = (
        (_NAMES_OF_HUNDRED, "fine_label_names") if is_hundred else (_NAMES_OF_TEN, "label_names")
    )
    for name, data in cifar.members(source):
        if name == wanted:
            names = _unpickled(name, data).get(key)
            if isinstance(names, list) and all(isinstance(each, str | bytes) for each in names):
                return [_text(each) for each in names]
            raise SourceError(f"{name}: there is no list {key!r} in it. Fetch the set anew.")
    return cifar.CLASS_NAMES


def _records(
    source: Path, batches: Mapping[str, cifar.Batch], class_names: Sequence[str]
) -> Iterator[Found]:
    for name, data in cifar.members(source):
        if name in batches:
            yield from _batch(name, batches[name], data, class_names)


def _batch(
    name: str, batch: cifar.Batch, data: bytes, class_names: Sequence[str]
) -> Iterator[Found]:
    held = _unpickled(name, data)
    pixels, labels = held.get("data"), held.get("fine_labels", held.get("labels"))
    if not isinstance(pixels, _Array) or not isinstance(labels, list):
        raise SourceError(f"{name}: it holds no pictures with labels. Fetch the set anew.")
    rows = pixels.pictures(name)
    for index, row in enumerate(rows):
        where = f"{name}, picture {index + 1:,}"
        label = labels[index] if index < len(labels) else None
        if not isinstance(label, int) or not 0 <= label < len(class_names):
            yield PassedOver(where, f"its label is {label}; there are {len(class_names)} classes")
            continue
        yield Record(
            where=where,
            class_name=class_names[label],
            file_name=cifar.file_name(batch, index),
            read=partial(cifar.png, row),
            split=batch.split,
            is_sound=True,
        )


# -- the pickle --------------------------------------------------------------------------


class _Type:
    """Notes what a type of numbers is called."""

    __slots__ = ("name",)

    def __init__(self, name: Any = None, *_rest: Any) -> None:
        self.name = _text(name) if isinstance(name, str | bytes) else None

    def __setstate__(self, _state: Any) -> None:
        """Byte order and alignment say nothing of single bytes."""


class _Array:
    """Notes the shape, the type and the bytes of an array."""

    __slots__ = ("_state",)

    def __init__(self, *_made_of: Any) -> None:
        self._state: Any = None

    def __setstate__(self, state: Any) -> None:
        self._state = state

    def pictures(self, name: str) -> NDArray[np.uint8]:
        """Return (picture, 3072), or raise SourceError if it is anything else."""
        match self._state:
            case (_, (int(), int(width)) as shape, _Type(name="u1"), False, bytes(data)) if (
                width == cifar.PIXEL_BYTES and shape[0] * width == len(data)
            ):
                return np.frombuffer(data, np.uint8).reshape(shape)
        raise SourceError(
            f"{name}: its pixels are not rows of {cifar.PIXEL_BYTES} bytes. Fetch the set anew."
        )


def _latin(text: Any, encoding: Any = "latin1") -> bytes:
    """Return the bytes that Python 3 writes as text for Python 2 to read."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError("an unknown encoding")
    return text.encode("latin1")


_STAND_INS: Mapping[tuple[str, str], Callable[..., Any]] = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _latin,
}


class _Reader(pickle.Unpickler):
    """Knows nothing but the stand-ins, and so cannot be made to call anything else."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _STAND_INS[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}") from None

    def persistent_load(self, _pid: Any) -> Any:
        raise pickle.UnpicklingError("it asks for something outside of it")


def _unpickled(name: str, data: bytes) -> dict[str, Any]:
    try:
        held = _Reader(io.BytesIO(data), encoding="bytes").load()
    except Exception as error:
        # Whatever a damaged or hostile pickle runs into: only stand-ins were called.
        raise SourceError(
            f"{name}: this is no file of CIFAR ({error}). Nothing in it was run; fetch it anew."
        ) from error
    if not isinstance(held, dict):
        raise SourceError(f"{name}: this is no file of CIFAR. Fetch it anew.")
    return {_text(key): value for key, value in held.items() if isinstance(key, str | bytes)}


def _text(name: str | bytes) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else name


FORMAT = Importer(
    "CIFAR-10 or CIFAR-100, python version: data_batch_1 ..., or the .tar.gz",
    _recognises,
    _contents,
)
