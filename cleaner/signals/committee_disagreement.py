"""Committee disagreement: whether the heads tell the same story about an image."""

from __future__ import annotations

from cleaner.arrays import LabelQuality
from cleaner.predictions import Evidence
from cleaner.signals.base import agreement


def committee_disagreement(evidence: Evidence) -> LabelQuality:
    """Return 1 where all members agree, towards 0 as their probabilities part.

    Without members, or with one, every item is 1.

    Reference: McCallum and Nigam, ICML (1998), on query by committee.
    """
    return agreement(evidence.committee_probs, evidence)
