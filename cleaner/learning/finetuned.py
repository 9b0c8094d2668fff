"""The committee's fine-tuned member: a network trained on the images themselves, fold by fold.

Each fold starts from the pretrained network with a last layer trained on its frozen features,
then trains the upper part on heavily augmented views and keeps the weights with the least loss on
a part that is not the held-out fold. The held-out images are judged as they are and mirrored. Such
a network sees errors that frozen features do not show, and it learns what many images have in
common before it memorises single wrong labels, so it is stopped early.

Reference: Arpit et al., A Closer Look at Memorization in Deep Networks, ICML 2017.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import tensorflow as tf

from cleaner import images
from cleaner.arrays import Features, PredProbs, ViewProbs
from cleaner.backbones import backbone_names, open_backbone
from cleaner.backbones.base import Backbone
from cleaner.cache import RowCache
from cleaner.learning import augment, devices, fold_course, pictures, snapshots
from cleaner.learning.bottlenecks import Source
from cleaner.learning.calibration import calibrated
from cleaner.learning.fold_course import Course
from cleaner.learning.folds import SEALED
from cleaner.learning.heads import HeadVotes, TrainingData
from cleaner.learning.linear_top import linear_top
from cleaner.learning.pictures import Pictures
from cleaner.learning.tuned_network import Shape, TunedNetwork
from cleaner.progress import Progress, Report, silent
from cleaner.settings import ScoreSettings

NAME = "fine-tuned"
# Share of the training items that watch for overfitting; they are never the held-out fold.
WATCH_SHARE = 0.1
# Small pictures are enlarged so many times, and no more: beyond it, only the time grows.
_ENLARGED = 4
_LEAST_SIDE_PX = 96
# Without a GPU, an epoch at a network's native side takes twice the time of one at this side.
_MOST_SIDE_PX_BY_CPU = 160
# A kill loses at most this many images' frozen features.
_SHARD_ITEMS = 1024
_FROZEN_STAGE = "Looking at the images before fine-tuning"
_TINY = 1e-9
# Part of the key of what is kept: change it whenever a fold would come out differently.
_VERSION = 1


def input_side_px(settings: ScoreSettings, shorter_sides_px: Sequence[int]) -> int:
    """Return the side at which the network sees images of these shorter sides.

    It is a multiple of 32, since the networks halve it five times.
    """
    if settings.fine_tune_side_px is not None:
        return settings.fine_tune_side_px
    native_px = open_backbone(settings.fine_tune_backbone).info.input_side_px
    if settings.fine_tune_backbone not in backbone_names():
        return native_px  # a model of the user's own may know no other
    has_gpu = bool(tf.config.list_physical_devices("GPU"))
    most_px = native_px if has_gpu else min(native_px, _MOST_SIDE_PX_BY_CPU)
    wanted_px = 32 * round(_ENLARGED * float(np.median(shorter_sides_px)) / 32)
    return min(max(wanted_px, _LEAST_SIDE_PX), most_px)


def gathered(
    sources: Sequence[Source],
    shorter_sides_px: Sequence[int],
    settings: ScoreSettings,
    cache_folder: Path,
    report: Report = silent,
) -> FineTuned:
    """Return the member for these images, or for those of them that can be read.

    Args:
        sources: where the images are.
        shorter_sides_px: of each image.
        settings: which network, and how it is trained.
        cache_folder: where pictures and finished folds are kept.
        report: hears how far the reading is.
    """
    side_px = input_side_px(settings, shorter_sides_px)
    # Views are cut from pictures larger than the input, but enlarged ones show no more.
    kept_px = min(round(side_px * images.DECODE_MARGIN), max(shorter_sides_px))
    found = pictures.gathered(sources, kept_px, cache_folder, report)
    return FineTuned(found, side_px, settings, cache_folder)


@dataclass(frozen=True, slots=True)
class FineTuned:
    """A head that looks at pictures rather than at features.

    Attributes:
        pictures: of the items that are judged, in their order.
        side_px: of the network's input.
        settings: which network, and how it is trained.
        cache_folder: where finished folds and a snapshot of the current one are kept. Called
            again with the same data, training goes on from there.
    """

    pictures: Pictures
    side_px: int
    settings: ScoreSettings
    cache_folder: Path

    def only(self, content_hashes: Sequence[str]) -> FineTuned:
        """Return the member for these images, in their order; all of them were read."""
        return replace(self, pictures=self.pictures.only(content_hashes))

    def __call__(self, data: TrainingData, report: Report) -> HeadVotes:
        """Return calibrated probabilities; sealed items are judged by the mean of all networks."""
        sealed = data.fold == SEALED
        numbers = [int(number) for number in np.unique(data.fold[~sealed])]
        probs = np.zeros((len(data.labels), data.class_count))
        run = _Run(self, data, report)
        for done, number in enumerate(numbers, 1):
            stage = f"Fine-tuning for fold {done} of {len(numbers)}"
            judged, views = run.fold(number, stage)
            share = np.where(sealed[judged], 1 / len(numbers), 1.0)
            probs[judged] += share[:, None] * views.mean(axis=0)
        logs: PredProbs = np.log(np.maximum(probs, _TINY))
        return HeadVotes(calibrated(logs, data.labels, ~sealed).probs)


class _Run:
    """All folds of one member; the network is built when the first unfinished one needs it."""

    def __init__(self, member: FineTuned, data: TrainingData, report: Report) -> None:
        self._member = member
        self._data = data
        self._report = report
        self._backbone = open_backbone(member.settings.fine_tune_backbone)
        self._workshop = _workshop(member.cache_folder, _key(member, self._backbone, data))

    def fold(self, number: int, stage: str) -> tuple[np.ndarray, ViewProbs]:
        """Return which items the fold's network judges, and its (view, item, class)."""
        judged = np.flatnonzero((self._data.fold == number) | (self._data.fold == SEALED))
        course = self._course(number, stage)
        finished = self._workshop / f"fold-{number}.npz"
        kept = snapshots.load(finished)
        if kept is not None:
            for epoch, curves in enumerate(kept.facts["history"], 1):
                self._report(course.told(epoch, "kept from an earlier run", curves))
            return judged, kept.arrays["views"][0]
        snapshot = self._workshop / f"fold-{number}-unfinished.npz"
        # Before the network begins: the frozen features are those of its pretrained weights.
        features = self._frozen[course.train]
        labels = self._data.labels[course.train]
        self._network.begin(linear_top(features, labels, self._data.class_count))
        trained = fold_course.train(self._network, course, snapshot, self._report)
        views = self._judged(trained.weights, course, judged)
        snapshots.save(finished, {"history": trained.history}, {"views": [views]})
        snapshot.unlink()
        return judged, views

    def _course(self, number: int, stage: str) -> Course:
        member, data = self._member, self._data
        learns = (data.fold != number) & (data.fold != SEALED)
        rng = np.random.default_rng([data.seed, number])
        watches = np.zeros_like(learns)
        if learns.sum() >= 2 / WATCH_SHARE:
            # Whole duplicate groups: a twin that is learnt from would vouch for the other.
            groups = np.unique(data.groups[learns])
            watches = np.isin(data.groups, groups[rng.random(groups.size) < WATCH_SHARE])
        return Course(
            pictures=member.pictures,
            labels=data.labels,
            train=np.flatnonzero(learns & ~watches),
            watch=np.flatnonzero(learns & watches),
            side_px=member.side_px,
            epochs=member.settings.fine_tune_epochs,
            seed=(data.seed, number),
            stage=stage,
        )

    def _judged(self, weights: list[np.ndarray], course: Course, items: np.ndarray) -> ViewProbs:
        def tell(done: int) -> None:
            self._report(course.told(course.epochs, f"judging, {done:,} of {len(items):,}"))

        with self._network.judging_with(weights):
            return fold_course.view_probs(self._network, course, items, tell)

    @cached_property
    def _network(self) -> TunedNetwork:
        member = self._member
        fraction = member.settings.fine_tune_fraction
        with devices.best_precision():
            shape = Shape(member.side_px, self._data.class_count, fraction)
            return TunedNetwork(self._backbone, shape)

    @cached_property
    def _frozen(self) -> Features:
        """Features of the plain pictures from the pretrained network, the same in all folds."""
        found, side_px = self._member.pictures, self._member.side_px
        name = f"{self._backbone.content_id}-trainable-{found.side_px}px-at-{side_px}px"
        cache = RowCache(self._member.cache_folder / "features" / name)
        self._fill(cache)
        return cache.rows_or(found.content_hashes, lambda: self._fill(cache))

    def _fill(self, cache: RowCache) -> None:
        found, side_px = self._member.pictures, self._member.side_px
        places = {content_hash: place for place, content_hash in enumerate(found.content_hashes)}
        missing = [place for content_hash, place in places.items() if content_hash not in cache]
        for start in range(0, len(missing), _SHARD_ITEMS):
            shard = missing[start : start + _SHARD_ITEMS]
            rows: list[Features] = []
            for photos in fold_course.plain_photos(found, np.array(shard), side_px):
                rows.append(self._network.features(photos))
                done = start + sum(len(part) for part in rows)
                self._report(Progress(_FROZEN_STAGE, done, len(missing)))
            cache.add([found.content_hashes[place] for place in shard], np.concatenate(rows))


def _key(member: FineTuned, backbone: Backbone, data: TrainingData) -> str:
    """Name all that decides what the folds lead to."""
    settings = member.settings
    recipe = [
        [_VERSION, augment.VERSION, backbone.content_id, member.side_px, member.pictures.side_px],
        [settings.fine_tune_fraction, settings.fine_tune_epochs, data.seed, data.class_count],
        [values.tolist() for values in (data.labels, data.groups, data.fold)],
        member.pictures.content_hashes,
    ]
    return hashlib.sha256(json.dumps(recipe).encode()).hexdigest()[:16]


def _workshop(cache_folder: Path, key: str) -> Path:
    """Return the folder of these folds; those of other labels or settings go."""
    folder = cache_folder / "fine_tuned"
    workshop = folder / key
    for other in folder.glob("*"):
        if other != workshop:
            shutil.rmtree(other)
    workshop.mkdir(parents=True, exist_ok=True)
    return workshop
