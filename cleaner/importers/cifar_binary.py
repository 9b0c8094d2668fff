"""CIFAR in its binary form: label bytes, then 3,072 pixels, all red ones first, again and again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from cleaner import cifar
from cleaner.errors import SourceError
from cleaner.importers.base import Contents, Found, Importer, PassedOver, Record
from cleaner.items import shown_path

_NAMES_OF_TEN, _NAMES_OF_HUNDRED = "batches.meta.txt", "fine_label_names.txt"
_TEN = {f"{name}.bin": batch for name, batch in cifar.TEN.items()}
_HUNDRED = {f"{name}.bin": batch for name, batch in cifar.HUNDRED.items()}


def _recognises(source: Path) -> bool:
    names = cifar.names_in(source)
    return bool(names & _TEN.keys()) or {_NAMES_OF_HUNDRED, "train.bin"} <= names


def _contents(source: Path, _images: Path | None) -> Contents:
    """Return the pictures under their fine labels; CIFAR-100's coarse ones are left out."""
    found = sorted(cifar.names_in(source))
    is_hundred = _NAMES_OF_HUNDRED in found and "train.bin" in found
    batches = _HUNDRED if is_hundred else _TEN
    here = [name for name in batches if name in found]
    if not here:
        raise SourceError(
            f"{shown_path(str(source))}: no {' or '.join(list(_TEN)[:1] + list(_HUNDRED)[:1])} in "
            "it. Give the folder or the .tar.gz of CIFAR's binary form."
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
    wanted = _NAMES_OF_HUNDRED if is_hundred else _NAMES_OF_TEN
    for name, data in cifar.members(source):
        if name == wanted:
            return [line.strip() for line in data.decode("utf-8", "replace").split("\n") if line]
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
    labels = 2 if len(class_names) > len(cifar.CLASS_NAMES) else 1
    width = labels + cifar.PIXEL_BYTES
    rows = np.frombuffer(data[: len(data) // width * width], np.uint8).reshape(-1, width)
    for index, row in enumerate(rows):
        where, label = f"{name}, picture {index + 1:,}", int(row[labels - 1])
        if label >= len(class_names):
            yield PassedOver(where, f"its label is {label}; there are {len(class_names)} classes")
            continue
        yield Record(
            where=where,
            class_name=class_names[label],
            file_name=cifar.file_name(batch, index),
            read=partial(cifar.png, row[labels:]),
            split=batch.split,
            is_sound=True,
        )
    if len(data) % width:
        yield PassedOver(f"{name}, picture {len(rows) + 1:,}", "the file ends before it does")


FORMAT = Importer(
    "CIFAR-10 or CIFAR-100, binary version: data_batch_1.bin ..., or the .tar.gz",
    _recognises,
    _contents,
)
