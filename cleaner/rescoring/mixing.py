"""The committee's probabilities, when one member has moved and the others stand still."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cleaner.arrays import ClassRows, ItemMask, LabelQuality, Labels, PredProbs
from cleaner.predictions import LEAST_PROBABILITY
from cleaner.rescoring.linear import Linear
from cleaner.standings import Standard, Standings

# So many numbers of one part stay in the processor's cache from one step to the next.
_PART_NUMBERS = 400_000
_LEAST_LOG = np.float32(np.log(LEAST_PROBABILITY))
# Signals that can be told from the committee's probabilities and the noise of the round.
FOLLOWED = ("balanced_confidence", "label_posterior")


@dataclass(frozen=True, slots=True)
class Mixture:
    """How the moving member joins the others.

    Attributes:
        others: (class, item), the other members' log-probabilities times their weights, pooled
            and multiplied by the scale of the pool.
        scale: of the moving member's softmax.
        share: the weight of the moving member, times the scale of the pool.
    """

    others: ClassRows
    scale: float
    share: float


def standings(
    linear: Linear, mixture: Mixture, standard: Standard, confirmed: ItemMask
) -> Standings:
    """Return how each image stands now.

    Sums of exponentials are taken in float32, on numbers whose largest is 0; a probability is
    the share of the label against the sum of the others, so that those next to 1 keep their
    order.

    Args:
        linear: what the moving member says.
        mixture: what the others said in the round.
        standard: of the round, its signal one of `FOLLOWED`.
        confirmed: (item,), labels that a person vouches for.
    """
    labels = linear.labels
    items = len(labels)
    own, confidence, quality = np.empty(items), np.empty(items), np.empty(items)
    suggested, flagged = labels.copy(), np.empty(items, bool)
    for part, predictions in linear.left_out(_parts(*mixture.others.shape)):
        weights = _weights(predictions, mixture, part)
        quality[part] = _quality(weights, labels[part], standard)
        mine, total = _taken_out(weights, labels[part])
        own[part] = mine / total
        flagged[part] = standard.flagged(quality[part], confirmed[part])
        rival = weights.max(axis=0)
        rivalled = np.flatnonzero(flagged[part] | (rival > mine))
        suggested[part.start + rivalled] = weights[:, rivalled].argmax(axis=0)
        confidence[part] = own[part]
        confidence[part.start + rivalled] = (rival / total)[rivalled]
    return Standings(labels.copy(), own, quality, suggested, confidence, flagged)


def probabilities(linear: Linear, mixture: Mixture) -> PredProbs:
    """Return the committee's (item, class), rows sum to 1."""
    classes, items = mixture.others.shape
    probs = np.empty((items, classes), np.float32)
    for part, predictions in linear.left_out(_parts(classes, items)):
        weights = _weights(predictions, mixture, part)
        probs[part] = (weights / weights.sum(axis=0)).T
    return probs


def _quality(weights: ClassRows, labels: Labels, standard: Standard) -> LabelQuality:
    if standard.signal == "label_posterior":
        probs = weights / weights.sum(axis=0)
        return standard.noise.posterior(probs.T, labels)
    handicaps = standard.noise.handicaps.astype(np.float32)
    own, total = _taken_out(weights * handicaps[:, None], labels)
    quality: LabelQuality = own / total
    return quality


def _taken_out(weights: ClassRows, labels: Labels) -> tuple[LabelQuality, LabelQuality]:
    """Take the labels' weights out, and return them, and the sum of all with them."""
    places = labels, np.arange(len(labels))
    own: LabelQuality = weights[places].astype(np.float64)
    weights[places] = 0
    return own, own + weights.sum(axis=0)


def _parts(classes: int, items: int) -> Iterator[slice]:
    step = max(1, _PART_NUMBERS // classes)
    for start in range(0, items, step):
        yield slice(start, min(start + step, items))


def _weights(predictions: ClassRows, mixture: Mixture, part: slice) -> ClassRows:
    """Return (class, item) numbers in proportion to the committee's probabilities."""
    leads = predictions - predictions.max(axis=0)
    leads *= mixture.scale
    logs = leads.astype(np.float32)
    logs -= np.log(np.exp(logs).sum(axis=0))
    np.maximum(logs, _LEAST_LOG, out=logs)
    logs *= np.float32(mixture.share)
    logs += mixture.others[:, part]
    logs -= logs.max(axis=0)
    weights: ClassRows = np.exp(logs, out=logs)
    return weights
