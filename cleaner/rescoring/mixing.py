"""The committee's probabilities, when one member has moved and the others stand still."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cleaner.arrays import ClassRows
from cleaner.predictions import LEAST_PROBABILITY
from cleaner.rescoring.linear import Linear
from cleaner.standings import EVEN_CHANCE, Standings

# So many numbers of one part stay in the processor's cache from one step to the next.
_PART_NUMBERS = 400_000
_LEAST_LOG = np.float32(np.log(LEAST_PROBABILITY))


@dataclass(frozen=True, slots=True)
class Mixture:
    """How the moving member joins the others.

    Attributes:
        others: (class, item), the other members' log-probabilities times their shares, mixed
            and multiplied by the scale of the mixture.
        scale: of the moving member's softmax.
        share: of the moving member, times the scale of the mixture.
    """

    others: ClassRows
    scale: float
    share: float


def standings(linear: Linear, mixture: Mixture) -> Standings:
    """Return how each image stands now.

    Sums of exponentials are taken in float32, on numbers whose largest is 0; a quality is the
    share of the label against the sum of the others, so that those next to 1 keep their order.
    """
    labels = linear.labels
    items = len(labels)
    quality, confidence = np.empty(items), np.empty(items)
    suggested, flagged = labels.copy(), np.empty(items, bool)
    for part, predictions in linear.left_out(_parts(*mixture.others.shape)):
        mine = labels[part], np.arange(predictions.shape[1])
        weights = _weights(predictions, mixture, part)
        own = weights[mine].astype(np.float64)
        weights[mine] = 0
        others = weights.sum(axis=0).astype(np.float64)
        rival = weights.max(axis=0)
        total = own + others
        quality[part] = own / total
        flagged[part] = (rival > own) | (quality[part] < EVEN_CHANCE)
        doubted = np.flatnonzero(flagged[part])
        suggested[part.start + doubted] = weights[:, doubted].argmax(axis=0)
        confidence[part] = np.where(flagged[part], rival / total, quality[part])
    return Standings(labels.copy(), quality, suggested, confidence, flagged)


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
