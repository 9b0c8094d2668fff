"""View disagreement: whether crops and colours change what the model sees."""

from __future__ import annotations

from cleaner.arrays import LabelQuality
from cleaner.predictions import Evidence
from cleaner.signals.base import agreement


def view_disagreement(evidence: Evidence) -> LabelQuality:
    """Return 1 where all views are judged alike, towards 0 as their probabilities part.

    Without views, or with one, every item is 1.
    """
    return agreement(evidence.view_probs, evidence)
