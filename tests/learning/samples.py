"""Made-up features with classes that can be told apart, and planted wrong labels."""

from __future__ import annotations

import numpy as np

from cleaner.arrays import Labels
from cleaner.learning import folds
from cleaner.learning.heads import TrainingData


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
