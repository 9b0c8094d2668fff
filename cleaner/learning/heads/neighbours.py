"""The vote of the nearest images, an image's duplicates left out.

Reference: Cover and Hart, IEEE Transactions on Information Theory 13 (1967). We weigh each
vote by its similarity, and an image's duplicates have none: they would vouch for its label.
"""

from __future__ import annotations

import numpy as np

from cleaner.arrays import PredProbs
from cleaner.learning.calibration import calibrated
from cleaner.learning.heads.base import HeadVotes, TrainingData
from cleaner.progress import Progress, Report

NEIGHBOURS = 20
# How fast a vote loses weight with distance: a similarity lower by 0.1 counts e times less.
SHARPNESS = 10.0
_ROWS = 1024
_NEVER = -9.0


def neighbours(data: TrainingData, report: Report) -> HeadVotes:
    """Return the calibrated vote of up to 20 nearest training images, out of any own group."""
    inputs = data.alike
    voters = np.flatnonzero(data.trains)
    labels = data.labels[voters]
    prior = np.bincount(labels, minlength=data.class_count) / labels.size
    votes = np.empty((len(inputs), data.class_count))
    for start in range(0, len(inputs), _ROWS):
        rows = slice(start, start + _ROWS)
        report(Progress("Asking the nearest images", start, len(inputs)))
        similarity = inputs[rows] @ inputs[voters].T
        similarity[data.groups[rows, None] == data.groups[voters]] = _NEVER
        votes[rows] = _counted(similarity, labels, prior)
    return HeadVotes(calibrated(np.log(votes), data.labels, data.trains).probs)


def _counted(similarity: np.ndarray, labels: np.ndarray, prior: np.ndarray) -> PredProbs:
    """Return (item, class): the weighted vote, and one voice for the classes' sizes."""
    count = min(NEIGHBOURS, similarity.shape[1])
    nearest = np.argpartition(-similarity, count - 1, axis=1)[:, :count]
    close = np.take_along_axis(similarity, nearest, axis=1).astype(np.float64)
    weights = np.exp(SHARPNESS * (close - close.max(axis=1, keepdims=True)))
    weights[close == _NEVER] = 0
    weights *= count / np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)
    votes = np.tile(np.maximum(prior, 1e-6), (len(similarity), 1))
    rows = np.broadcast_to(np.arange(len(similarity))[:, None], nearest.shape)
    np.add.at(votes, (rows, labels[nearest]), weights)
    probs: PredProbs = votes / votes.sum(axis=1, keepdims=True)
    return probs
