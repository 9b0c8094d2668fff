"""The cleaned images in TFRecord files, one a split, with the features that TF-Slim's have."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from cleaner import tfrecords
from cleaner.exporters.base import (
    LABELS_NAME,
    Entry,
    beside,
    check_outside,
    kept_of,
    label_line,
    label_lines,
    verified_bytes,
)
from cleaner.items import SPLITS, Item, shown_path
from cleaner.progress import Progress, Report, silent


def export(entries: Sequence[Entry], destination: Path, report: Report = silent) -> list[Path]:
    """Write ``train.tfrecord``, ``validation.tfrecord``, ``test.tfrecord`` and ``labels.txt``.

    A split without an image gets no file. The numbers of the labels are their places in
    ``labels.txt``, from 0; images are stored as they are, in whatever format.

    Raises:
        ExportError: the destination is taken or lies in the dataset, or an image is no longer
            what was scanned; nothing is left behind then.
    """
    kept = kept_of(entries)
    for root in {entry.root for entry in kept}:
        check_outside(root, destination)
    labels = sorted({entry.item.current_label for entry in kept})
    number = {label: place for place, label in enumerate(labels)}
    used = [split for split in SPLITS if any(entry.item.split == split for entry in kept)]
    with beside(destination) as partial:
        partial.mkdir()
        (partial / LABELS_NAME).write_text(label_lines(labels), encoding="utf-8")
        with ExitStack() as opened:
            files: dict[str, IO[bytes]] = {
                split: opened.enter_context((partial / _name(split)).open("xb")) for split in used
            }
            for done, entry in enumerate(kept, 1):
                item = entry.item
                example = _example(item, number[item.current_label], verified_bytes(entry))
                tfrecords.write(files[item.split], example)
                report(Progress("Writing the images", done, len(kept), shown_path(item.path)))
    return [destination / name for name in (*map(_name, used), LABELS_NAME)]


def _name(split: str) -> str:
    return f"{split}.tfrecord"


def _example(item: Item, label: int, data: bytes) -> bytes:
    return tfrecords.example(
        {
            "image/encoded": data,
            "image/filename": shown_path(item.path).encode(),
            "image/height": item.height,
            "image/width": item.width,
            "image/class/label": label,
            "image/class/text": label_line(item.current_label).encode(),
        }
    )
