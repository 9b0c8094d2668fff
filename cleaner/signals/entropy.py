"""Entropy: whether the model knows what an image shows, whatever its label."""

from __future__ import annotations

import numpy as np
from scipy.special import entr

from cleaner.arrays import LabelQuality
from cleaner.predictions import Evidence


def entropy(evidence: Evidence) -> LabelQuality:
    """Return 1 where the model is sure of one class, 0 where all are equally probable.

    One minus the entropy as a share of the most it can be. With one class every item is 1.
    It says nothing of the label: it finds hard and odd images, not wrong labels.

    Reference: Settles, Active Learning Literature Survey (2009), on uncertainty sampling.
    """
    items, classes = evidence.pred_probs.shape
    if classes == 1:
        return np.ones(items)
    sureness: LabelQuality = np.clip(
        1 - entr(evidence.pred_probs).sum(axis=1) / np.log(classes), 0, 1
    )
    return sureness
