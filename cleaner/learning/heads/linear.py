"""A linear classifier, trained on all views and stopped early in every fold."""

from __future__ import annotations

from cleaner.learning.fit import Recipe, out_of_fold_votes
from cleaner.learning.heads.base import HeadVotes, TrainingData
from cleaner.progress import Report

RECIPE = Recipe(
    "linear classifier",
    hidden_units=0,
    epochs=12,
    patience=3,
    learning_rate=1e-2,
)


def linear(data: TrainingData, report: Report) -> HeadVotes:
    """Return out-of-fold probabilities, the mean over the views; each view beside them."""
    return out_of_fold_votes(data, RECIPE, report)
