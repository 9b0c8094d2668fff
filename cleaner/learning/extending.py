"""A classifier that is kept, and the classes of a dataset that it does not know beside its own."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import cleaner
from cleaner import imagenet, images
from cleaner.arrays import ImageBatch
from cleaner.backbones.embedded import EmbeddedBackbone, imagenet_top, weights_folder
from cleaner.classifier import Classifier
from cleaner.errors import ImageRejected, TooFewImages
from cleaner.estimates.intervals import wilson_interval
from cleaner.exporters import label_line
from cleaner.exporters.base import beside
from cleaner.items import Item, shown_path
from cleaner.jobs import now
from cleaner.learning import finetune, new_rows, shipping
from cleaner.learning.bottlenecks import Source, view_features
from cleaner.learning.final_head import FinalHead
from cleaner.learning.new_rows import OLD, Known, Top
from cleaner.learning.photos import plain_batches
from cleaner.learning.shipping import Proofs
from cleaner.learning.training_set import Photo, labels_of
from cleaner.progress import Progress, Report
from cleaner.project import Project
from cleaner.settings import ExtendSettings

RECEIPT_NAME = "receipt.json"
_SAMPLES = 16


def extend(project: Project, settings: ExtendSettings, report: Report) -> dict[str, Any]:
    """Make a model of ImageNet's classes and those of the dataset that it lacks.

    Returns the receipt, which lies beside the model too. Features are kept in the cache, so that
    one more class costs no more than the looks at its own images.

    Raises:
        TooFewImages: no class of the dataset is new, or none has images to learn from.
        WeightsUnavailable: ImageNet's classes are not here for this network.
        ExportError: the destination is taken or cannot be written.
    """
    # Before the work, which would be lost where the destination is taken.
    with beside(Path(settings.destination)) as folder:
        receipt = _extended(_Work.of(project, settings, report), folder)
        text = json.dumps(receipt, ensure_ascii=False, indent=2)
        (folder / RECEIPT_NAME).write_text(text + "\n", encoding="utf-8")
    return {"model": shown_path(settings.destination), **receipt}


def _extended(work: _Work, folder: Path) -> dict[str, Any]:
    started_at, clock = now(), time.perf_counter()
    settings, parts, old = work.settings, work.parts, work.old
    known = work.known(parts.learnt_from, settings.views)
    featured = time.perf_counter()
    work.report(Progress("Learning the new classes"))
    rng = np.random.default_rng(settings.seed)
    top = old.beside(new_rows.learnt(old, known, len(parts.new), rng))
    learnt = time.perf_counter()
    classifier = work.shipped(top, folder)
    receipt = _measured(classifier, parts, settings, work.report)
    return receipt | {
        "architecture": settings.backbone,
        "classes": len(classifier.class_names),
        "size_bytes": dict(shipping.sizes(folder)),
        "settings": settings.as_json(),
        "seconds": {
            "features": featured - clock,
            "learning": learnt - featured,
            "total": time.perf_counter() - clock,
        },
        "versions": {"cleaner": cleaner.__version__},
        "started_at": started_at,
        "finished_at": now(),
    }


@dataclass(frozen=True, slots=True)
class _Parts:
    """The photos of a dataset; labels are places among the new classes, or `OLD`.

    Attributes:
        new: the classes that are learnt, as the model will call them.
        known: what each class that is not new is called in the model that is kept.
        learnt_from: those to train and to validate on.
        test: looked at when all is decided.
    """

    new: tuple[str, ...]
    known: dict[str, str]
    learnt_from: tuple[Photo, ...]
    test: tuple[Photo, ...]


def _parted(project: Project, categories: Sequence[imagenet.Category]) -> _Parts:
    index, labels = imagenet.Index(categories), imagenet.labels(categories)
    items = [
        item
        for item in project.dataset().items
        if item.status != "excluded" and not item.quarantined
    ]
    found = {item.current_label: index.find(item.current_label) for item in items}
    trained = {item.current_label for item in items if item.split == "train"}
    new = sorted(name for name, places in found.items() if not places and name in trained)
    if not new:
        raise TooFewImages(
            f"{shown_path(str(project.root))}: ImageNet knows every class in it that has images "
            "to train on. Add a folder with images of something else, and scan again."
        )
    number = {name: place for place, name in enumerate(new)}
    used = [item for item in items if item.current_label in number or found[item.current_label]]
    photos = [
        (item.split, _photo(project, item, number.get(item.current_label, OLD))) for item in used
    ]
    return _Parts(
        new=tuple(label_line(name) for name in new),
        known={
            label_line(name): labels[min(places)]
            for name, places in sorted(found.items())
            if places
        },
        learnt_from=tuple(photo for split, photo in photos if split != "test"),
        test=tuple(photo for split, photo in photos if split == "test"),
    )


def _photo(project: Project, item: Item, label: int) -> Photo:
    source = Source(project.path_of(item), project.reach_of(item), item.content_hash)
    shorter_px = min(item.width, item.height)
    return Photo(source, shown_path(item.path), label, item.group_id, shorter_px)


@dataclass(frozen=True, slots=True)
class _Work:
    """What every step needs."""

    settings: ExtendSettings
    report: Report
    cache_folder: Path
    backbone: EmbeddedBackbone
    old: Top
    old_names: tuple[str, ...]
    parts: _Parts

    @classmethod
    def of(cls, project: Project, settings: ExtendSettings, report: Report) -> _Work:
        old = Top(*imagenet_top(settings.backbone))
        categories = imagenet.read(weights_folder())
        return cls(
            settings=settings,
            report=report,
            cache_folder=project.state / "cache",
            backbone=EmbeddedBackbone(settings.backbone),
            old=old,
            old_names=tuple(imagenet.labels(categories)),
            parts=_parted(project, categories),
        )

    def known(self, photos: Sequence[Photo], views: int) -> Known:
        """Return the features of all views of the photos that can be read."""
        found = view_features(
            [photo.source for photo in photos],
            self.backbone,
            views=views,
            seed=self.settings.seed,
            cache_folder=self.cache_folder,
            report=self.report,
        )
        read = [photos[row] for row in found.readable]
        groups = np.array([photo.group_id for photo in read], np.int64)
        rows = found.features.reshape(-1, found.features.shape[2])
        return Known(rows, np.tile(labels_of(read), views), np.tile(groups, views))

    def shipped(self, top: Top, folder: Path) -> Classifier:
        """Write the model in every format and return the one that `predict` runs."""
        network = finetune.assembled(self.backbone, FinalHead(top.kernel, top.bias, {}))
        side_px, parts = self.backbone.info.input_side_px, self.parts
        proofs = Proofs(
            _samples(parts.learnt_from, side_px),
            _samples((*parts.test, *parts.learnt_from), side_px),
        )
        names = [*self.old_names, *parts.new]
        return shipping.ship(network.model, names, folder, proofs, self.report).classifier


def _samples(photos: Sequence[Photo], side_px: int) -> ImageBatch:
    chosen = photos[:_SAMPLES]
    (batch,) = plain_batches(chosen, side_px=side_px, batch_size=_SAMPLES)
    return batch.photos[batch.readable] if batch.readable.any() else batch.photos


def _measured(
    classifier: Classifier, parts: _Parts, settings: ExtendSettings, report: Report
) -> dict[str, Any]:
    """Judge the very file that is shipped: new classes on the test images, old answers on old ones.

    The old rows are as they were, so an answer has changed where a new class was given.
    """
    old_count = len(classifier.class_names) - len(parts.new)
    labels = {photo.source.path: photo.label for photo in parts.test}
    old = [path for path, label in labels.items() if label == OLD] + _pictures(settings.check)
    new = [path for path, label in labels.items() if label != OLD]
    answers = _answers(classifier, [*new, *old], report)
    seen = Counter(labels[path] for path in new if path in answers)
    hits = Counter(labels[path] for path in new if answers.get(path) == old_count + labels[path])
    told = [answers[path] for path in old if path in answers]
    changed = sum(answer >= old_count for answer in told)
    return {
        "new_classes": {
            name: {"images": seen[place], "right": hits[place]}
            for place, name in enumerate(parts.new)
        },
        "known_classes": parts.known,
        "accuracy": hits.total() / seen.total() if seen else None,
        "accuracy_interval": list(wilson_interval(hits.total(), seen.total())),
        "test_images": seen.total(),
        "old_images": len(told),
        "old_changed": changed,
        "old_changed_share": changed / len(told) if told else None,
        "old_changed_interval": list(wilson_interval(changed, len(told))),
        "images_learnt_from": len(parts.learnt_from),
    }


def _answers(classifier: Classifier, paths: Sequence[Path], report: Report) -> dict[Path, int]:
    outcomes = classifier.predict_files(paths, report)
    return {
        path: int(outcome.argmax())
        for path, outcome in outcomes
        if not isinstance(outcome, ImageRejected)
    }


def _pictures(folder: str | None) -> list[Path]:
    if folder is None:
        return []
    return sorted(
        path
        for path in Path(folder).rglob("*")
        if path.is_file() and images.is_candidate(path.name)
    )
