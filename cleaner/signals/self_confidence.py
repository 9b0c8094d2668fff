"""Self-confidence: how probable the model finds the current label."""

from __future__ import annotations

import numpy as np

from cleaner.arrays import LabelQuality
from cleaner.predictions import Evidence


def self_confidence(evidence: Evidence) -> LabelQuality:
    """Return the probability of each current label.

    Reference: Northcutt, Jiang and Chuang, JAIR 70 (2021), on ranking label errors.
    """
    own: LabelQuality = evidence.pred_probs[np.arange(len(evidence.labels)), evidence.labels]
    return own
