"""Normalized margin: how far the current label leads its best rival."""

from __future__ import annotations

import numpy as np

from cleaner.arrays import LabelQuality
from cleaner.predictions import Evidence


def normalized_margin(evidence: Evidence) -> LabelQuality:
    """Return self-confidence minus the best other class, mapped to [0, 1]; a tie is 0.5.

    With one class every item is 1.

    Reference: Northcutt, Jiang and Chuang, JAIR 70 (2021), on ranking label errors.
    """
    items, classes = evidence.pred_probs.shape
    own = evidence.pred_probs[np.arange(items), evidence.labels]
    if classes == 1:
        return np.ones(items)
    others = np.where(np.arange(classes) == evidence.labels[:, None], -1, evidence.pred_probs)
    margin: LabelQuality = (own - others.max(axis=1) + 1) / 2
    return margin
