"""A small network with one hidden layer, stopped early in every fold."""

from __future__ import annotations

from cleaner.learning.fit import Recipe, out_of_fold_votes
from cleaner.learning.heads.base import HeadVotes, TrainingData
from cleaner.progress import Report

RECIPE = Recipe(
    "small network",
    hidden_units=128,
    epochs=10,
    patience=4,
    learning_rate=2e-3,
)


def mlp(data: TrainingData, report: Report) -> HeadVotes:
    """Return out-of-fold probabilities, the mean over the views; each view beside them."""
    return out_of_fold_votes(data, RECIPE, report)
