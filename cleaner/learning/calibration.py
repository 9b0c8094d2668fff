"""Scores become probabilities that can be taken at their word.

Reference: Guo, Pleiss, Sun and Weinberger, ICML (2017), on temperature scaling.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from cleaner.arrays import ItemMask, Labels, PredProbs
from cleaner.learning.inputs import parts


@dataclass(frozen=True, slots=True)
class Calibrated:
    """The softmax of logits times `scale`, (item, class), and the log loss of the labels."""

    probs: PredProbs
    loss: float
    scale: float


def calibrated(logits: PredProbs, labels: Labels, trains: ItemMask) -> Calibrated:
    """Return softmax probabilities at the temperature of least log loss."""
    leads = logits[trains]
    leads -= leads.max(axis=1, keepdims=True)
    own = leads[np.arange(len(leads)), labels[trains]]
    sums = np.empty(len(leads))

    def loss(log_scale: float) -> float:
        """Return the mean of minus the log-probability of the labels, in nats."""
        scale = np.exp(log_scale)
        for part in parts(len(leads)):
            sums[part] = np.exp(leads[part] * scale).sum(axis=1)
        return float((np.log(sums) - own * scale).mean())

    found = minimize_scalar(loss, bounds=(-2, 5), method="bounded", options={"xatol": 0.02})
    scale = float(np.exp(found.x))
    probs = np.empty(logits.shape)
    for part in parts(len(logits)):
        probs[part] = softmax(logits[part] * scale, axis=1)
    return Calibrated(probs, float(found.fun), scale)
