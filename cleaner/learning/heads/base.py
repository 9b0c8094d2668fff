"""The promise of a head: out-of-fold probabilities from features and noisy labels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol, runtime_checkable

from cleaner.arrays import (
    Folds,
    Groups,
    ItemMask,
    Labels,
    PredProbs,
    ViewProbs,
)
from cleaner.learning.folds import SEALED
from cleaner.learning.geometry import Geometry
from cleaner.learning.stored import SomeFeatures
from cleaner.predictions import RidgeFit
from cleaner.progress import Report


@dataclass(frozen=True)
class TrainingData:
    """What a head learns from.

    Attributes:
        view_features: one (view, item, feature) array a backbone, float32, or on disk.
        labels: (item,), index of the current label.
        class_count: how many classes there are.
        groups: (item,), duplicates share a number; they leave together.
        fold: (item,), the fold an item is held out in, or -1: sealed, never trained on.
        seed: makes the head repeatable.
        kept_in: a folder for what outlives the round, or None.
    """

    view_features: tuple[SomeFeatures, ...]
    labels: Labels
    class_count: int
    groups: Groups
    fold: Folds
    seed: int
    kept_in: Path | None = None

    @cached_property
    def trains(self) -> ItemMask:
        """Which items may train; the others are sealed."""
        mask: ItemMask = self.fold != SEALED
        return mask

    @cached_property
    def geometry(self) -> Geometry:
        """What follows from the features alone; shared by the heads."""
        return Geometry(self.view_features, self.trains, self.groups, self.kept_in)


@dataclass(frozen=True, slots=True)
class HeadVotes:
    """What a head says of every item, having learned from none of its group.

    The committee keeps it as float32.

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
