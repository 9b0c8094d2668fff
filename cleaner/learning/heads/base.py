"""The promise of a head: out-of-fold probabilities from features and noisy labels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np

from cleaner.arrays import (
    Features,
    Folds,
    Groups,
    ItemMask,
    Labels,
    PredProbs,
    ReducedViews,
    ViewFeatures,
    ViewProbs,
)
from cleaner.learning import inputs
from cleaner.learning.folds import SEALED
from cleaner.learning.inputs import Joined
from cleaner.predictions import RidgeFit
from cleaner.progress import Report


@dataclass(frozen=True)
class TrainingData:
    """What a head learns from.

    Attributes:
        view_features: one (view, item, feature) array a backbone, float32.
        labels: (item,), index of the current label.
        class_count: how many classes there are.
        groups: (item,), duplicates share a number; they leave together.
        fold: (item,), the fold an item is held out in, or -1: sealed, never trained on.
        seed: makes the head repeatable.
    """

    view_features: tuple[ViewFeatures, ...]
    labels: Labels
    class_count: int
    groups: Groups
    fold: Folds
    seed: int

    @cached_property
    def trains(self) -> ItemMask:
        """Which items may train; the others are sealed."""
        mask: ItemMask = self.fold != SEALED
        return mask

    @cached_property
    def joined(self) -> Joined:
        """As `inputs.joined`; shared by the heads."""
        return inputs.joined(self.view_features)

    @cached_property
    def reduced(self) -> ReducedViews:
        """As `inputs.reduced`; shared by the heads."""
        return inputs.reduced(self.view_features, self.trains)

    @cached_property
    def alike(self) -> Features:
        """(item, direction), unit length: the product of two says how alike two images are."""
        mean = self.reduced.mean(axis=0)
        alike: Features = mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-6)
        return alike


@dataclass(frozen=True, slots=True)
class HeadVotes:
    """What a head says of every item, having learned from none of its group.

    Attributes:
        pred_probs: (item, class), rows sum to 1, calibrated on the labels.
        view_probs: (view, item, class), each view alone, or None where the head judges the
            mean of the views only.
        refit: what its answer to other labels follows from without training again, or None.
    """

    pred_probs: PredProbs
    view_probs: ViewProbs | None = None
    refit: RidgeFit | None = None


@runtime_checkable
class Head(Protocol):
    """Trains and predicts out of fold."""

    def __call__(self, data: TrainingData, report: Report) -> HeadVotes:
        """Return what the head says of every item; `report` may raise JobCancelled."""
        ...
