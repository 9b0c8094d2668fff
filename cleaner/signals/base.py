"""The promise of a signal: one number in [0, 1] an item, low where the label is suspect."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from scipy.special import rel_entr

from cleaner.arrays import CommitteeProbs, LabelQuality, ViewProbs
from cleaner.predictions import Evidence

# Of items; beside what is kept of them, the logarithms of each would be the most of a ranking.
_AT_ONCE = 4_096


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
    divergence = np.empty(items)
    for top in range(0, items, _AT_ONCE):
        some = voices[:, top : top + _AT_ONCE].astype(np.float64)
        apart = rel_entr(some, some.mean(axis=0)).sum(axis=2).mean(axis=0)
        divergence[top : top + _AT_ONCE] = apart
    most = np.log(min(len(voices), classes))
    shared: LabelQuality = np.clip(1 - divergence / most, 0, 1)
    return shared
