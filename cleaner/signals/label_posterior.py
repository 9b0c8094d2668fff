"""Label posterior: the chance that a label is right, the noise of the labels weighed in."""

from __future__ import annotations

from cleaner.arrays import LabelQuality
from cleaner.noise import estimate
from cleaner.predictions import Evidence


def label_posterior(evidence: Evidence) -> LabelQuality:
    """Return the chance that each current label is the true class.

    Self-confidence asks how probable the label was; this asks how probable it is that the
    label is right, now that it was given. A class whose labels are often drawn by mistake is
    trusted less, and a model that noise made modest is taken at more than its word. The noise
    is estimated from the evidence unless the evidence names it.

    Reference: Natarajan et al., NeurIPS (2013), on class-conditional label noise.
    """
    noise = evidence.noise or estimate(evidence.pred_probs, evidence.labels)
    return noise.posterior(evidence.pred_probs, evidence.labels)
