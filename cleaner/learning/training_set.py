"""What a final model learns from and is judged by: photos with their current labels, in parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cleaner.arrays import Labels
from cleaner.errors import TooFewImages
from cleaner.exporters import label_line
from cleaner.items import Item, shown_path
from cleaner.learning.bottlenecks import Source
from cleaner.project import Project
from cleaner.store import class_edits

# Taken from the training images for validation where the dataset has no validation split.
_BORROWED_SHARE = 0.15


@dataclass(frozen=True, slots=True)
class Photo:
    """One image with the class it is to be recognised as.

    Attributes:
        source: where it is read from.
        path: as people see it.
        label: index of the current label among the class names.
        group_id: images with the same number are duplicates or near duplicates.
        shorter_side_px: of the picture in the file.
    """

    source: Source
    path: str
    label: int
    group_id: int
    shorter_side_px: int


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """Photos by what they are used for; the three parts share no image and no duplicates.

    Attributes:
        class_names: as the model carries them, in the order of its outputs.
        train: what is learnt from.
        validation: decides when to stop and which weights are kept.
        test: only ever looked at when all is decided.
        label_sources: how many labels a person accepted, moved to, or left as given.
        notes: what a reader of the accuracy must know, one sentence each.
    """

    class_names: tuple[str, ...]
    train: tuple[Photo, ...]
    validation: tuple[Photo, ...]
    test: tuple[Photo, ...]
    label_sources: dict[str, int]
    notes: tuple[str, ...] = ()


def gather(project: Project, *, seed: int, borrow: bool = True) -> TrainingSet:
    """Return the images that are there and not excluded, in their splits.

    A class without a training image is left out. Without a validation split, some training
    images serve as one, unless nothing is to be borrowed; the test split is never touched for it.

    Raises:
        TooFewImages: fewer than two classes have training images.
    """
    dataset = project.dataset()
    items = [i for i in dataset.items if i.status != "excluded" and not i.quarantined]
    trained = Counter(item.current_label for item in items if item.split == "train")
    names = [name for name in dataset.class_names if trained[name]]
    if len(names) < 2:
        raise TooFewImages(
            f"{shown_path(str(project.root))}: {len(names)} of {len(dataset.class_names)} classes "
            "have training images, and telling classes apart takes two. Add images and scan again."
        )
    used = [item for item in items if trained[item.current_label]]
    number = {name: index for index, name in enumerate(names)}
    parts: dict[str, list[Photo]] = {"train": [], "validation": [], "test": []}
    for item in used:
        parts[item.split].append(_photo(project, item, number[item.current_label]))
    gathered = TrainingSet(
        class_names=tuple(label_line(name) for name in names),
        train=tuple(parts["train"]),
        validation=tuple(parts["validation"]),
        test=tuple(parts["test"]),
        label_sources=_label_sources(used),
        notes=_left_out(item for item in items if not trained[item.current_label]),
    )
    if gathered.validation or not borrow:
        return gathered
    return _with_borrowed_validation(gathered, seed)


def as_given(project: Project, reviewed: TrainingSet, *, seed: int) -> TrainingSet:
    """Return the set as it would have been without a review, the test images left as they are.

    What a person excluded is in it again. Classes are called what they are called now; an image
    whose class has no reviewed training image cannot be told of and stays out.
    """
    number = {name: index for index, name in enumerate(reviewed.class_names)}
    with project.store.read() as connection:
        lineage = class_edits.lineage(connection)
    parts: dict[str, list[Photo]] = {"train": [], "validation": []}
    for item in project.dataset().items:
        label = number.get(label_line(lineage.of_item(item.given_label, item.item_id)))
        if item.split != "test" and label is not None:
            parts[item.split].append(_photo(project, item, label))
    gathered = replace(
        reviewed,
        train=tuple(parts["train"]),
        validation=tuple(parts["validation"]),
        label_sources={},
        notes=(),
    )
    return gathered if gathered.validation else _with_borrowed_validation(gathered, seed)


def without(photos: TrainingSet, rejected: Collection[tuple[Source, str]]) -> TrainingSet:
    """Return the set less the files that could not be read, with a note that names them.

    Raises:
        TooFewImages: fewer than two classes have training images left.
    """
    if not rejected:
        return photos
    hashes = {source.content_hash for source, _ in rejected}
    gone = [photo for photo in (*photos.train, *photos.validation) if _is_of(photo, hashes)]
    train = tuple(photo for photo in photos.train if not _is_of(photo, hashes))
    if len({photo.label for photo in train}) < 2:
        raise TooFewImages(
            f"{gone[0].path} and {len(gone) - 1} more images cannot be read, which leaves fewer "
            "than two classes to learn. Scan the dataset again."
        )
    return replace(
        photos,
        train=train,
        validation=tuple(photo for photo in photos.validation if not _is_of(photo, hashes)),
        notes=(*photos.notes, unreadable_note([photo.path for photo in gone])),
    )


def unreadable_note(paths: Sequence[str]) -> str:
    """Return the sentence about files that were there at the scan and now cannot be read."""
    shown = ", ".join(paths[:5]) + (", ..." if len(paths) > 5 else "")
    return f"{len(paths)} images could not be read and were passed over: {shown}."


def labels_of(photos: Sequence[Photo]) -> Labels:
    """Return the class index of each photo."""
    return np.array([photo.label for photo in photos], np.int64)


def _photo(project: Project, item: Item, label: int) -> Photo:
    source = Source(project.path_of(item), project.reach_of(item), item.content_hash)
    shorter_px = min(item.width, item.height)
    return Photo(source, shown_path(item.path), label, item.group_id, shorter_px)


def _is_of(photo: Photo, content_hashes: Collection[str]) -> bool:
    return photo.source.content_hash in content_hashes


def _label_sources(items: Sequence[Item]) -> dict[str, int]:
    counts = Counter(item.status for item in items)
    counts["skipped"] += 0
    return {
        "accepted": counts["accepted"],
        "moved": counts["moved"],
        "as_given": counts["unreviewed"] + counts["skipped"],
    }


def _left_out(items: Iterable[Item]) -> tuple[str, ...]:
    counts = Counter(shown_path(item.current_label) for item in items)
    return tuple(
        f"The class {name} has no training image, so its {count} images were left out."
        for name, count in sorted(counts.items())
    )


def _with_borrowed_validation(photos: TrainingSet, seed: int) -> TrainingSet:
    """Take whole duplicate groups, each from a class that keeps another one."""
    rng = np.random.default_rng([seed, len(photos.train)])
    groups: dict[int, list[Photo]] = {}
    for photo in photos.train:
        groups.setdefault(photo.group_id, []).append(photo)
    left = Counter(photo.label for photo in photos.train)
    borrowed: set[int] = set()
    wanted = round(len(photos.train) * _BORROWED_SHARE)
    taken = 0
    for index in rng.permutation(len(groups)):
        group_id, members = list(groups.items())[index]
        leaving = Counter(photo.label for photo in members)
        if taken < wanted and all(left[label] > count for label, count in leaving.items()):
            left -= leaving
            taken += len(members)
            borrowed.add(group_id)
    note = (
        f"There is no validation split; {taken} training images decided when to stop."
        if borrowed
        else "There are too few images for a validation split: training ran its full length."
    )
    return replace(
        photos,
        train=tuple(photo for photo in photos.train if photo.group_id not in borrowed),
        validation=tuple(photo for photo in photos.train if photo.group_id in borrowed),
        notes=(*photos.notes, note),
    )
