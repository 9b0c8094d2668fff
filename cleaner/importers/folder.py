"""A folder of class folders, or one of parts (train, val, test) that each hold class folders."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from cleaner import given_splits, images
from cleaner.errors import SourceError
from cleaner.importers.base import (
    Contents,
    Found,
    Importer,
    PassedOver,
    file_record,
    listed,
    relative,
)
from cleaner.items import Split, shown_path


def _recognises_tree(source: Path) -> bool:
    parts = _folders(source)
    # A class may be called "test"; a dataset of nothing but parts with folders in them is none.
    return bool(parts) and all(
        given_splits.named(part.name) is not None and bool(_folders(part)) for part in parts
    )


def _recognises_folder(source: Path) -> bool:
    if _recognises_tree(source) or any(source.glob("*.tfrecord*")):
        return False
    return any(_holds_pictures(folder) for folder in _folders(source))


def _tree(source: Path, _images: Path | None) -> Contents:
    parts = [part for part in _folders(source) if given_splits.named(part.name) is not None]
    if not parts:
        raise SourceError(
            f"{shown_path(str(source))}: none of its folders is called train, val or test. Give a "
            "folder of these, or take --format folder."
        )
    return _of_classes(source, [(part, given_splits.named(part.name)) for part in parts])


def _folder(source: Path, _images: Path | None) -> Contents:
    if not _folders(source):
        raise SourceError(
            f"{shown_path(str(source))}: there are no class folders in it. Give a folder that "
            "holds one folder of images for each class."
        )
    return _of_classes(source, [(source, None)])


def _of_classes(source: Path, parts: list[tuple[Path, Split | None]]) -> Contents:
    classes = [(folder, split) for part, split in parts for folder in _folders(part)]
    contents = listed(
        found for folder, split in classes for found in _in_class(folder, source, split)
    )
    names = dict.fromkeys(folder.name for folder, _split in classes)
    return Contents(contents.records, contents.total, tuple(names))


def _in_class(folder: Path, source: Path, split: Split | None) -> Iterator[Found]:
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not images.is_hidden(name))
        for name in sorted(names):
            path = Path(where, name)
            if images.is_candidate(name):
                yield file_record(path, source, folder.name, split)
            elif not images.is_hidden(name):
                yield PassedOver(relative(path, source), "its name has no picture's ending")


def _holds_pictures(folder: Path) -> bool:
    try:
        return any(images.is_candidate(path.name) for path in sorted(folder.iterdir()))
    except OSError:
        return False


def _folders(source: Path) -> list[Path]:
    try:
        with os.scandir(source) as entries:
            return sorted(
                Path(entry.path)
                for entry in entries
                if entry.is_dir(follow_symlinks=False) and not images.is_hidden(entry.name)
            )
    except OSError:
        return []


FORMAT = Importer("a folder of class folders", _recognises_folder, _folder)
TREE = Importer("a folder of train, val and test, each of class folders", _recognises_tree, _tree)
