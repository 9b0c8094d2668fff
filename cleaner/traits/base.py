"""What every finder of traits promises, and the statistics they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Float, Int64
from numpy import ndarray
from scipy.stats import rankdata

from cleaner.arrays import Features, ItemIds, Labels, PredProbs
from cleaner.health import Trait

# So many images show what is said of a class.
SHOWN = 4
_RESAMPLES = 200

Places = Int64[ndarray, "place"]
Scores = Float[ndarray, "scored"]
IsPositive = Bool[ndarray, "scored"]


@dataclass(frozen=True, eq=False)
class Gathered:
    """What a round knows of the images and their classes.

    Attributes:
        item_ids: (item,).
        labels: (item,), the current ones.
        groups: (item,), duplicates share a number.
        class_names: in the order of the labels.
        pred_probs: (item, class), of models that saw neither the image nor its duplicates.
        features: (item, feature), what the networks see, along its main directions and of unit
            length.
        looks: of each image, as `cleaner.looks` reads it.
    """

    item_ids: ItemIds
    labels: Labels
    groups: Labels
    class_names: tuple[str, ...]
    pred_probs: PredProbs = field(repr=False)
    features: Features = field(repr=False)
    looks: Sequence[str] = field(repr=False)

    @cached_property
    def distinct(self) -> Places:
        """One image of each group of duplicates and label: ten copies are no ten witnesses."""
        keys = np.stack([self.groups, self.labels], axis=1)
        _unique, first = np.unique(keys, axis=0, return_index=True)
        distinct: Places = np.sort(np.asarray(first, np.int64))
        return distinct

    def of_class(self, number: int) -> Places:
        """Return the distinct images of a class."""
        own: Places = self.distinct[self.labels[self.distinct] == number]
        return own

    def ids(self, places: Places) -> tuple[int, ...]:
        """Return the numbers of the first few of these images."""
        return tuple(self.item_ids[places[:SHOWN]].tolist())


class Find(Protocol):
    """Looks for one kind of trait.

    Says nothing where labels have nothing to do with what the images show, and comes to the same
    result every time.
    """

    def __call__(self, gathered: Gathered, /) -> list[Trait]:
        """Return what was found, an empty list if nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Area:
    """How often the higher score is that of a positive, given one of each; 0.5 is chance.

    Attributes:
        value: of all.
        low: of the middle 95% of resampled images.
        high: likewise.
    """

    value: float
    low: float
    high: float


def area_under_curve(scores: Scores, positive: IsPositive) -> float:
    """Return the area under the ROC curve; ties count half.

    >>> area_under_curve(np.array([0.1, 0.4, 0.9]), np.array([False, True, True]))
    1.0
    """
    positives = int(positive.sum())
    negatives = positive.size - positives
    ranks = rankdata(scores)[positive].sum() - positives * (positives + 1) / 2
    return float(ranks / (positives * negatives))


def bootstrapped(scores: Scores, positive: IsPositive) -> Area:
    """Return the area with the interval of a stratified bootstrap.

    Reference: Efron and Tibshirani, An Introduction to the Bootstrap (1993).
    """
    rng = np.random.default_rng(0)
    sides = scores[positive], scores[~positive]
    again = np.repeat([True, False], [len(side) for side in sides])
    areas = [
        area_under_curve(np.concatenate([rng.choice(side, side.size) for side in sides]), again)
        for _ in range(_RESAMPLES)
    ]
    low, high = np.quantile(areas, (0.025, 0.975))
    return Area(area_under_curve(scores, positive), float(low), float(high))


def some(places: Places, most: int, rng: np.random.Generator) -> Places:
    """Return at most so many of the places, drawn at random, in their order."""
    if len(places) <= most:
        return places
    drawn: Places = np.sort(rng.choice(places, most, replace=False))
    return drawn
