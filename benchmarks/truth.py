"""Photos whose true labels are known, and the labels to be doubted."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cleaner import folder, images
from cleaner.arrays import ItemMask, Labels, ViewFeatures
from cleaner.backbones import open_backbone
from cleaner.learning.bottlenecks import Source, committee_features
from cleaner.learning.heads import Head
from cleaner.learning.scoring import Examples
from cleaner.settings import ScoreSettings

FOLDER = "folder"
_PATHS = ("path", "file")
_CONTENT = "content_hash"
_STEM = "image"

_Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Labelling:
    """One set of labels for the photos.

    Attributes:
        name: the column it came from.
        labels: of each photo, as somebody gave them.
        true_labels: of each photo, or None where only some wrong labels are known.
        wrong: (item,); where the true labels are not known, what is known to be disputed.
    """

    name: str
    labels: tuple[str, ...]
    true_labels: tuple[str, ...] | None
    wrong: ItemMask

    @property
    def is_complete(self) -> bool:
        """Tell whether every true label is known."""
        return self.true_labels is not None

    @property
    def numbers(self) -> Labels:
        """Return the index of each label in the class names."""
        return self.numbered(self.labels)

    def numbered(self, labels: Sequence[str]) -> Labels:
        number = {name: index for index, name in enumerate(self.class_names)}
        return np.array([number[label] for label in labels], np.int64)

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(sorted({*self.labels, *(self.true_labels or ())}))


@dataclass(frozen=True, slots=True)
class Truth:
    """The photos and every labelling of them that was asked for."""

    sources: tuple[Source, ...]
    labellings: tuple[Labelling, ...]


def read(photos: Path, table: Path, given: Sequence[str], true_column: str) -> Truth:
    """Return what the table says of the photos.

    A table with the true column has a row a photo, named by `path` or `file` (relative to
    `photos`) or `content_hash`. One without it lists disputed photos by the stem of their name
    in the column `image`; then every photo takes part, labelled by its class folder.

    Raises:
        SystemExit: the table lacks a column, or names no photo that is there.
    """
    with table.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    columns = rows[0].keys() if rows else ()
    if true_column in columns:
        return _complete(photos, table, rows, [*given], true_column)
    if _STEM in columns:
        return _disputed(photos, table, {row[_STEM] for row in rows})
    raise SystemExit(
        f"{table}: no column {true_column!r} nor {_STEM!r}. It has: {', '.join(columns)}. "
        "Name the column of true labels by --truth-column."
    )


def _complete(
    photos: Path, table: Path, rows: Sequence[_Row], given: Sequence[str], true_column: str
) -> Truth:
    absent = sorted({*given} - {*rows[0]})
    if absent or not given:
        raise SystemExit(
            f"{table}: {f'no column {absent[0]!r}' if absent else 'no column of labels named'}. "
            f"It has: {', '.join(rows[0])}. Name one by --given."
        )
    true_labels = tuple(row[true_column] for row in rows)
    labellings = [
        Labelling(
            name,
            tuple(row[name] for row in rows),
            true_labels,
            np.array([row[name] != row[true_column] for row in rows]),
        )
        for name in given
    ]
    return Truth(_sources(photos, table, rows), tuple(labellings))


def _sources(photos: Path, table: Path, rows: Sequence[_Row]) -> tuple[Source, ...]:
    column = next((name for name in (*_PATHS, _CONTENT) if name in rows[0]), None)
    if column is None:
        raise SystemExit(
            f"{table}: no column of {', '.join((*_PATHS, _CONTENT))} names the photos."
        )
    if column == _CONTENT:
        files = folder.scan(photos).files
        by_content = {file.content_hash: photos / file.path for file in files}
        return tuple(Source(by_content[row[column]], photos, row[column]) for row in rows)
    paths = [photos / row[column] for row in rows]
    return tuple(Source(path, photos, _content_hash(path)) for path in paths)


def _content_hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise SystemExit(f"{path}: {error.strerror}. The truth table names it.") from error


def _disputed(photos: Path, table: Path, stems: Collection[str]) -> Truth:
    files = folder.scan(photos).files
    sources = tuple(Source(photos / file.path, photos, file.content_hash) for file in files)
    wrong = np.array([source.path.stem in stems for source in sources])
    if not wrong.any():
        raise SystemExit(f"{table}: none of its {len(stems)} images lies below {photos}.")
    labels = tuple(file.class_name for file in files)
    return Truth(sources, (Labelling(FOLDER, labels, None, wrong),))


def features_of(
    sources: Sequence[Source], settings: ScoreSettings, cache_folder: Path
) -> tuple[ViewFeatures, ...]:
    """Return one (view, item, feature) array a backbone, from the cache an app would fill.

    Raises:
        SystemExit: a photo cannot be read.
    """
    found = committee_features(
        sources,
        [open_backbone(name, settings.precision) for name in settings.backbones],
        views=settings.views,
        seed=settings.seed,
        cache_folder=cache_folder,
    )
    for source, reason in found[0].rejected:
        raise SystemExit(f"{source.path}: {reason}. Leave it out of the truth table.")
    return tuple(bottlenecks.features for bottlenecks in found)


def more_heads(
    sources: Sequence[Source], settings: ScoreSettings, cache_folder: Path
) -> dict[str, Head]:
    """Return the fine-tuned member where the mode asks for it."""
    if settings.mode != "finetune":
        return {}
    from cleaner.learning import finetuned

    sides_px = [min(images.load(source.path, root=source.root).shape[:2]) for source in sources]
    return {finetuned.NAME: finetuned.gathered(sources, sides_px, settings, cache_folder)}


def examples(
    sources: Sequence[Source],
    features: tuple[ViewFeatures, ...],
    labelling: Labelling,
    *,
    unsealed: bool,
) -> Examples:
    """Return the photos as a round would judge them, in the order of the truth."""
    _, groups = np.unique([source.content_hash for source in sources], return_inverse=True)
    # As in a project: one image in ten is sealed for the test and trains nothing.
    sealed = np.array([int(source.content_hash[-4:], 16) % 10 == 0 for source in sources])
    return Examples(
        item_ids=np.arange(len(sources)),
        view_features=features,
        labels=labelling.numbers,
        class_names=labelling.class_names,
        groups=groups.astype(np.int64),
        sealed=np.zeros_like(sealed) if unsealed else sealed,
    )
