"""Labels as COCO's JSON lists them: images, categories, and annotations that join the two."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cleaner import given_splits, images
from cleaner.errors import ImageRejected, SourceError
from cleaner.importers.base import (
    Contents,
    Found,
    Importer,
    PassedOver,
    file_record,
    inside,
    listed,
)
from cleaner.items import shown_path

_MOST_BYTES = 2**30
_PARTS = ("images", "annotations", "categories")
_START = 4096


def _recognises(source: Path) -> bool:
    if source.is_dir() or source.suffix.lower() != ".json":
        return False
    try:
        document = _document(source)
    except SourceError:
        return False
    return all(isinstance(document.get(part), list) for part in _PARTS)


def _contents(source: Path, images_folder: Path | None) -> Contents:
    """Return one record an image; its annotations must be of one category.

    File names are relative to `images_folder`, or to the JSON's folder or the images/ or data/ in
    it, whichever has the first of them.
    """
    document = _document(source)
    missing = [part for part in _PARTS if not isinstance(document.get(part), list)]
    if missing:
        raise SourceError(
            f"{shown_path(str(source))}: there is no list {missing[0]!r} in it. Give a JSON file "
            "with images, annotations and categories, as COCO has them."
        )
    names = {one["id"]: str(one["name"]) for one in _sound(document["categories"], "id", "name")}
    labels: dict[Any, set[Any]] = defaultdict(set)
    for one in _sound(document["annotations"], "image_id", "category_id"):
        labels[one["image_id"]].add(one["category_id"])
    root = images_folder or _root(source.parent, document["images"])
    found = listed(_found(document["images"], labels, names, root))
    return Contents(found.records, found.total, tuple(names.values()))


def _document(source: Path) -> dict[str, Any]:
    shown = shown_path(str(source))
    try:
        if source.stat().st_size > _MOST_BYTES:
            raise SourceError(f"{shown}: too large for a list of labels.")
        document = json.loads(source.read_text(encoding="utf-8"))
    except OSError as error:
        raise SourceError(f"{shown}: cannot be read ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{shown}: this is not JSON. Give a file as COCO has them.") from error
    return document if isinstance(document, dict) else {}


def _sound(listed_ones: Sequence[Any], *keys: str) -> Iterator[Mapping[str, Any]]:
    """Yield those that have these keys, with plain values."""
    for one in listed_ones:
        if isinstance(one, dict) and all(isinstance(one.get(key), str | int) for key in keys):
            yield one


def _root(folder: Path, listed_images: Sequence[Any]) -> Path:
    first = next(_sound(listed_images, "file_name"), None)
    if first is not None:
        for root in (folder, folder / "images", folder / "data"):
            try:
                if inside(root, str(first["file_name"])).is_file():
                    return root
            except ImageRejected:
                return folder
    return folder


def _found(
    listed_images: Sequence[Any],
    labels: Mapping[Any, set[Any]],
    names: Mapping[Any, str],
    root: Path,
) -> Iterator[Found]:
    for number, one in enumerate(listed_images, 1):
        where = f"image {number:,}"
        if next(_sound([one], "id", "file_name"), None) is None:
            yield PassedOver(where, "it has no id or no file_name")
            continue
        given = sorted({names[label] for label in labels.get(one["id"], ()) if label in names})
        written = str(one["file_name"])
        where = f"{where}, {shown_path(written)}"
        if len(given) != 1:
            yield PassedOver(where, _not_one(given))
            continue
        try:
            path = inside(root, written)
        except ImageRejected as error:
            yield PassedOver(where, f"{images.REASONS[error.reason]}: {error.detail}")
            continue
        split = given_splits.named(str(one.get("split", "")))
        yield file_record(path, root, given[0], split, where=where)


def _not_one(given: Sequence[str]) -> str:
    if not given:
        return "no annotation gives it a category"
    return f"it has {len(given)} categories ({', '.join(given[:3])}), and a class folder is one"


FORMAT = Importer("a JSON file with images, annotations and categories", _recognises, _contents)
