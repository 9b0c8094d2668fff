"""Other ways to rank labels on the same features: cleanlab, and the vote of the neighbours."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.measures import Ranking
from cleaner.arrays import Features, Labels, PredProbs
from cleaner.learning import folds

SELF_CONFIDENCE = "cleanlab, self-confidence"
NEIGHBOURS = (10, 50)
_FOLDS = 5
_MOST_STEPS = 2_000


def rankings(features: Features, labels: Labels, class_count: int, seed: int) -> list[Ranking]:
    """Return the peers' rankings from the plain view's features of one backbone.

    cleanlab's self-confidence is the plain probability of the given label by the same logistic
    regression, so one line stands for both. All photos train: the peers seal none.
    """
    # Here, so that a measurement without peers runs without cleanlab.
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    pred_probs = logistic_regression(features, labels, class_count, seed)
    flagged = find_label_issues(labels, pred_probs, n_jobs=1)
    by_cleanlab = [
        Ranking(
            name,
            1 - get_label_quality_scores(labels, pred_probs, method=method),
            flagged,
            pred_probs,
        )
        for name, method in (
            (SELF_CONFIDENCE, "self_confidence"),
            ("cleanlab, normalized margin", "normalized_margin"),
        )
    ]
    votes = [
        Ranking(f"{count} neighbours' vote", neighbour_vote(features, labels, count))
        for count in NEIGHBOURS
    ]
    return [*by_cleanlab, *votes]


def logistic_regression(
    features: Features, labels: Labels, class_count: int, seed: int
) -> PredProbs:
    """Return probabilities of a logistic regression, each fifth judged by the other four."""
    pred_probs = np.zeros((labels.size, class_count))
    apart, nobody = np.arange(labels.size), np.zeros(labels.size, bool)
    rng = np.random.default_rng(seed)
    fold = folds.stratified(labels, apart, folds=_FOLDS, sealed=nobody, rng=rng)
    for number in range(_FOLDS):
        held_out = fold == number
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=_MOST_STEPS))
        model.fit(features[~held_out], labels[~held_out])
        judged = model.predict_proba(features[held_out])
        pred_probs[np.ix_(np.flatnonzero(held_out), model.classes_)] = judged
    return pred_probs


def neighbour_vote(features: Features, labels: Labels, count: int) -> np.ndarray:
    """Return the share of votes against each label, (item,); the nearer count for more."""
    nearest = NearestNeighbors(n_neighbors=min(count, labels.size - 1), metric="cosine")
    distances, neighbours = nearest.fit(features).kneighbors()  # of each photo but itself
    votes = 1 - distances
    against = np.where(labels[neighbours] != labels[:, None], votes, 0)
    share: np.ndarray = against.sum(axis=1) / np.maximum(votes.sum(axis=1), 1e-9)
    return share
