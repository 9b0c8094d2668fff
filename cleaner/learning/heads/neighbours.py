"""The vote of the nearest images, an image's duplicates left out.

Reference: Cover and Hart, IEEE Transactions on Information Theory 13 (1967). We weigh each
vote by its similarity, and an image's duplicates have none: they would vouch for its label.
"""

from __future__ import annotations

import numpy as np

from cleaner.arrays import Labels
from cleaner.learning.calibration import calibrated
from cleaner.learning.heads.base import HeadVotes, TrainingData
from cleaner.learning.inputs import parts
from cleaner.nearest import NEVER, Nearest
from cleaner.progress import Progress, Report

# How fast a vote loses weight with distance: a similarity lower by 0.1 counts e times less.
SHARPNESS = 10.0


def neighbours(data: TrainingData, report: Report) -> HeadVotes:
    """Return the calibrated vote of up to 20 nearest training images, out of any own group."""
    report(Progress("Asking the nearest images"))
    known = data.labels[data.trains]
    prior = np.bincount(known, minlength=data.class_count) / known.size
    found, classes = data.geometry.nearest, np.maximum(prior, 1e-6)
    logs = np.empty((data.labels.size, data.class_count))
    for part in parts(data.labels.size):
        some = Nearest(found.items[part], found.similarity[part])
        logs[part] = np.log(_counted(some, data.labels, classes))
    return HeadVotes(calibrated(logs, data.labels, data.trains).probs)


def _counted(nearest: Nearest, labels: Labels, prior: np.ndarray) -> np.ndarray:
    """Return (image, class) of some: the weighted vote, and one voice for the classes' sizes."""
    close = nearest.similarity.astype(np.float64)
    weights = np.exp(SHARPNESS * (close - close.max(axis=1, keepdims=True)))
    weights[nearest.similarity == np.float32(NEVER)] = 0
    weights *= close.shape[1] / np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)
    votes = np.tile(prior, (len(close), 1))
    rows = np.broadcast_to(np.arange(len(close))[:, None], close.shape)
    np.add.at(votes, (rows, labels[nearest.items]), weights)
    probs: np.ndarray = votes / votes.sum(axis=1, keepdims=True)
    return probs
