"""Made-up features with classes that can be told apart, and planted wrong labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from cleaner.arrays import Labels, ViewFeatures
from cleaner.cache import RowCache
from cleaner.learning import folds
from cleaner.learning.heads import TrainingData
from cleaner.learning.stored import StoredFeatures, in_memory


def noisy_classes(
    items: int = 200, classes: int = 4, *, views: int = 2, wrong: int = 12, seed: int = 0
) -> tuple[TrainingData, Labels]:
    """Return training data and the true labels; the first `wrong` items are labelled wrong."""
    rng = np.random.default_rng(seed)
    truth = np.arange(items) % classes
    centres = rng.gamma(1.0, size=(classes, 16))
    plain = np.maximum(centres[truth] + 0.25 * rng.normal(size=(items, 16)), 0)
    seen = plain + 0.05 * rng.random((views, items, 16))
    labels = truth.copy()
    labels[:wrong] = (labels[:wrong] + 1) % classes
    groups = np.arange(items)
    sealed = np.zeros(items, bool)
    sealed[-items // 10 :] = True
    fold = folds.stratified(labels, groups, folds=4, sealed=sealed, rng=rng)
    data = TrainingData((seen.astype(np.float32),), labels, classes, groups, fold, seed)
    return data, truth


def stored(
    view_features: Sequence[ViewFeatures], folder: Path, *, per_shard: int = 30
) -> tuple[StoredFeatures, ...]:
    """Put features on disk as a look at the images would, and return them from there."""
    return tuple(
        _stored(features, folder / str(backbone), per_shard)
        for backbone, features in enumerate(view_features)
    )


def _stored(features: ViewFeatures, folder: Path, per_shard: int) -> StoredFeatures:
    hashes = [f"{number:064x}" for number in range(features.shape[1])]
    views = []
    for view, rows in enumerate(features):
        cache = RowCache(folder / str(view))
        for top in range(0, len(hashes), per_shard):
            cache.add(hashes[top : top + per_shard], rows[top : top + per_shard])
        views.append((folder / str(view), cache))
    return StoredFeatures.of(views, hashes)


def here_and_on_disk(data: TrainingData, folder: Path) -> tuple[TrainingData, TrainingData]:
    """Return the same data with its features in memory and on disk, rounded alike."""
    on_disk = stored([np.asarray(each) for each in data.view_features], folder)
    here = replace(data, view_features=in_memory(on_disk))
    return here, replace(data, view_features=on_disk, kept_in=folder / "kept")
