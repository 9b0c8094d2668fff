"""What models say about items they never saw."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from cleaner.arrays import (
    CommitteeProbs,
    Features,
    Folds,
    HatBasis,
    HatRows,
    InputMeans,
    ItemIds,
    ItemMask,
    LabelQuality,
    Labels,
    Likeness,
    MemberWeights,
    PredProbs,
    TaughtDirections,
    ViewProbs,
)
from cleaner.errors import ShapeError
from cleaner.noise import NoiseModel

# No member's doubt counts for more: a logarithm of 0 would be a veto.
LEAST_PROBABILITY = 1e-9


@dataclass(frozen=True, slots=True)
class RidgeFit:
    """A solved ridge head: all that its answer to other labels follows from.

    Attributes:
        rows: (item, direction); the product of two rows is the entry of the hat matrix, which
            says how much the one's label weighs in the prediction for the other.
        fitted: (item, class), float64, predictions of the model that all training items taught.
        leverage: (item,), float64, the product of each row with itself, below 1.
        scale: what predictions are multiplied by before the softmax.
        basis: (input, direction), makes one of `rows` of an image's inputs.
        taught: (direction, class), what the training items' labels have left there: their
            product with `rows` is `fitted`.
        means: (input - 1,), what inputs are centred by.
    """

    rows: HatRows = field(repr=False)
    fitted: PredProbs = field(repr=False)
    leverage: LabelQuality = field(repr=False)
    scale: float
    basis: HatBasis = field(repr=False)
    taught: TaughtDirections = field(repr=False)
    means: InputMeans = field(repr=False)


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Predicted probabilities, each item judged only by models that never saw it.

    Attributes:
        item_ids: (item,).
        class_names: in the order of the class axis.
        pred_probs: (item, class), rows sum to 1; the committee's mean.
        view_probs: (view, item, class), the same for each view alone.
        committee_probs: (member, item, class), the same for each head alone.
        member_names: in the order of the member axis.
        fold: (item,), the fold an item was held out in; -1 for the sealed test split,
            which trains nothing.
        model_id: identifies backbone, views, heads, folds and seed.
        weights: (member,), how much of each member's log-probabilities is in `pred_probs`.
        scale: what the pooled log-probabilities are multiplied by before the softmax.
        refit: the member whose answer to a decision follows at once, or None.
        refit_member: its place among the members.
        likeness: (item, reduced), unit length: the product of two rows says how alike two images
            are; None where nobody asked.
    """

    item_ids: ItemIds
    class_names: tuple[str, ...]
    pred_probs: PredProbs
    view_probs: ViewProbs
    committee_probs: CommitteeProbs
    member_names: tuple[str, ...]
    fold: Folds
    model_id: str
    weights: MemberWeights
    scale: float
    refit: RidgeFit | None = None
    refit_member: int = 0
    likeness: Likeness | None = field(default=None, repr=False)


def pooled(committee: CommitteeProbs, weights: MemberWeights) -> PredProbs:
    """Return (item, class), float64: the weighted sum of the members' log-probabilities.

    One member after the other, so that the logarithms of one alone are in memory.
    """
    found: PredProbs = np.zeros(committee.shape[1:])
    for probs, weight in zip(committee, weights, strict=True):
        logs = np.maximum(probs, LEAST_PROBABILITY, dtype=np.float64)
        np.log(logs, out=logs)
        logs *= weight
        found += logs
    return found


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a signal may look at; axes as in `OutOfFold`.

    Attributes:
        labels: (item,), index of the current label.
        features: (item, feature), the plain view's bottlenecks, unit length, or None.
        member_names: in the order of the member axis.
        confirmed: (item,), labels that a person confirmed: they are in no doubt, or None.
        noise: how wrong the other labels are, or None where nobody estimated it yet.
    """

    labels: Labels
    pred_probs: PredProbs
    view_probs: ViewProbs | None = None
    committee_probs: CommitteeProbs | None = None
    features: Features | None = field(default=None, repr=False)
    member_names: tuple[str, ...] = ()
    confirmed: ItemMask | None = None
    noise: NoiseModel | None = None

    def __post_init__(self) -> None:
        items, classes = self.pred_probs.shape
        if self.labels.shape != (items,):
            raise ShapeError(f"{self.labels.shape[0]} labels for {items} predictions.")
        if items and (self.labels.min() < 0 or self.labels.max() >= classes):
            raise ShapeError(
                f"Labels run from {self.labels.min()} to {self.labels.max()}; "
                f"there are {classes} classes, numbered from 0."
            )
        for name in ("view_probs", "committee_probs"):
            probs = getattr(self, name)
            if probs is not None and probs.shape[1:] != (items, classes):
                raise ShapeError(f"{name} has shape {probs.shape}, not (any, {items}, {classes}).")
        if self.confirmed is not None and self.confirmed.shape != (items,):
            raise ShapeError(f"{self.confirmed.shape[0]} marks for {items} predictions.")
        if not np.isfinite(self.pred_probs).all():
            raise ShapeError("pred_probs holds numbers that are not finite.")
