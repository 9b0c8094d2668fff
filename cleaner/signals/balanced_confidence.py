"""Balanced confidence: self-confidence as it would be if the classes were more alike in size."""

from __future__ import annotations

from cleaner.arrays import LabelQuality
from cleaner.noise import estimate
from cleaner.predictions import Evidence


def balanced_confidence(evidence: Evidence) -> LabelQuality:
    """Return each current label's probability, classes weighed down by the root of their size.

    A model that saw few images of a class gives it little, wherever it belongs; by
    self-confidence such a class is suspect as a whole. Where all classes are of one size this
    is self-confidence. The sizes are counted from the evidence unless its noise names them.

    Reference: Menon et al., ICLR (2021), on logits adjusted for a long tail. We adjust by half
    as much: a full correction finds fewer errors (docs/method.md).
    """
    noise = evidence.noise or estimate(evidence.pred_probs, evidence.labels)
    return noise.balanced(evidence.pred_probs, evidence.labels)
