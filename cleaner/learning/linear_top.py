"""A last layer for frozen features, found in one step: where fine-tuning starts from."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from cleaner.arrays import Features, Labels
from cleaner.learning.final_head import FinalHead

# Shares of a standardised feature's variance.
_PENALTIES = (0.1, 0.3, 1.0, 3.0, 10.0)
# More say little new to a layer that is trained on all of them afterwards.
_MOST_ITEMS = 20_000


def linear_top(features: Features, labels: Labels, class_count: int) -> FinalHead:
    """Return the softmax layer of a ridge regression onto the labels.

    The penalty, and the scale that makes probabilities of the predictions, are those of the least
    log loss when each item is predicted without its own label. A few dozen images are enough,
    where steps down a gradient would not get far in as many.
    """
    seen, known = features[:_MOST_ITEMS].astype(np.float64), labels[:_MOST_ITEMS]
    mean, deviation = seen.mean(axis=0), seen.std(axis=0) + 1e-3
    rows = (seen - mean) / deviation
    targets = np.eye(class_count)[known]
    prior = targets.mean(axis=0)
    covariance = rows.T @ rows / len(rows)
    found = [_fitted(rows, targets - prior, known, covariance, p) for p in _PENALTIES]
    _loss, scale, kernel = min(found, key=lambda fit: fit[0])
    kernel = kernel * scale / deviation[:, None]
    bias = scale * prior - mean @ kernel
    return FinalHead(kernel.astype(np.float32), bias.astype(np.float32), {})


def _fitted(
    rows: np.ndarray, targets: np.ndarray, labels: Labels, covariance: np.ndarray, penalty: float
) -> tuple[float, float, np.ndarray]:
    """Return the log loss of predictions without an item's own label, the scale, the kernel."""
    inverse = np.linalg.inv(covariance + penalty * np.eye(len(covariance))) / len(rows)
    reached = rows @ inverse
    kernel = inverse @ (rows.T @ targets)
    leverage = np.einsum("if,if->i", reached, rows)[:, None]
    left_out = (rows @ kernel - leverage * targets) / (1 - leverage)
    own = np.arange(len(labels)), labels

    def loss(log_scale: float) -> float:
        return float(-log_softmax(left_out * np.exp(log_scale), axis=1)[own].mean())

    best = minimize_scalar(loss, bounds=(-2, 5), method="bounded", options={"xatol": 0.02})
    return float(best.fun), float(np.exp(best.x)), kernel
