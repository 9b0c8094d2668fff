"""Labels of known noise, and the predictions of a model that was trained on them."""

from __future__ import annotations

import numpy as np

from cleaner.learning.calibration import calibrated


def noisy(
    items: int, classes: int, *, rate: float, seed: int, skill: float = 5.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return labels, which of them are wrong, and out-of-fold probabilities.

    The model knows the true class about as well as `skill` says, and is calibrated on the
    labels by temperature, as the committee is: noise makes it modest.
    """
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, items)
    logits = rng.normal(size=(items, classes))
    logits[np.arange(items), truth] += skill
    wrong = rng.random(items) < rate
    labels = np.where(wrong, (truth + rng.integers(1, classes, items)) % classes, truth)
    probs = calibrated(logits, labels, np.ones(items, bool)).probs
    return labels, wrong, probs
