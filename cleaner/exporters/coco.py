"""A cleaned copy with its labels in one JSON file, in the form of COCO's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cleaner.exporters.base import Entry, copies, kept_of, label_line
from cleaner.items import shown_path
from cleaner.progress import Report, silent

FILE_NAME = "annotations.json"
_IMAGES = "images"


def export(entries: Sequence[Entry], destination: Path, report: Report = silent) -> list[Path]:
    """Write ``annotations.json`` and the images below ``images/``; excluded ones are left out.

    Each image has one annotation, without a box, and its split under ``split``.

    Raises:
        ExportError: the destination is taken or lies in the dataset, or an image is no longer
            what was scanned; nothing is left behind then.
    """
    kept = kept_of(entries)

    def annotate(folder: Path, names: Sequence[str]) -> None:
        text = json.dumps(_document(kept, names), indent=1)
        (folder / FILE_NAME).write_text(text + "\n", encoding="ascii")

    written = copies(
        entries, destination, report, above=lambda _entry: f"{_IMAGES}/", finish=annotate
    )
    return [destination / FILE_NAME, *written]


def _document(kept: Sequence[Entry], names: Sequence[str]) -> dict[str, Any]:
    labels = sorted({entry.item.current_label for entry in kept})
    number = {label: index for index, label in enumerate(labels, 1)}
    return {
        "info": {"description": "Labels as reviewed with Cleaner."},
        "images": [
            {
                "id": entry.item.item_id,
                # Below the folder of the JSON file, so that the two may be moved together.
                "file_name": shown_path(name),
                "width": entry.item.width,
                "height": entry.item.height,
                "split": entry.item.split,
            }
            for entry, name in zip(kept, names, strict=True)
        ],
        "annotations": [
            {
                "id": place,
                "image_id": entry.item.item_id,
                "category_id": number[entry.item.current_label],
            }
            for place, entry in enumerate(kept, 1)
        ],
        "categories": [{"id": number[label], "name": label_line(label)} for label in labels],
    }
