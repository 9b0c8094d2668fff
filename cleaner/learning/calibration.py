"""Scores become probabilities that can be taken at their word.

Reference: Guo, Pleiss, Sun and Weinberger, ICML (2017), on temperature scaling.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from cleaner.arrays import ItemMask, Labels, PredProbs


def log_loss(logits: PredProbs, labels: Labels) -> float:
    """Return the mean of minus the log-probability of the labels, in nats."""
    return float(-log_softmax(logits, axis=1)[np.arange(len(labels)), labels].mean())


def calibrated(logits: PredProbs, labels: Labels, trains: ItemMask) -> tuple[PredProbs, float]:
    """Return softmax probabilities at the temperature of least log loss, and that loss."""
    held, known = logits[trains], labels[trains]
    found = minimize_scalar(
        lambda log_scale: log_loss(held * np.exp(log_scale), known),
        bounds=(-2, 5),
        method="bounded",
        options={"xatol": 0.02},
    )
    return softmax(logits * np.exp(found.x), axis=1), float(found.fun)
