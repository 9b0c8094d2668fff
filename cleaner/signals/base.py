"""The promise of a signal: one number in [0, 1] an item, low where the label is suspect."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from scipy.special import rel_entr

from cleaner.arrays import CommitteeProbs, LabelQuality, ViewProbs
from cleaner.predictions import Evidence


class Signal(Protocol):
    """Judges the current label of every item."""

    def __call__(self, evidence: Evidence) -> LabelQuality:
        """Return one quality an item; never changes the evidence."""
        ...


def agreement(voices: CommitteeProbs | ViewProbs | None, evidence: Evidence) -> LabelQuality:
    """Return how alike several voices judge each item, 1 for exactly alike.

    One minus their Jensen-Shannon divergence, as a share of the most that it can be.
    """
    items, classes = evidence.pred_probs.shape
    if voices is None or len(voices) < 2 or classes == 1:
        return np.ones(items)
    divergence = rel_entr(voices, voices.mean(axis=0)).sum(axis=2).mean(axis=0)
    most = np.log(min(len(voices), classes))
    shared: LabelQuality = np.clip(1 - divergence / most, 0, 1)
    return shared
