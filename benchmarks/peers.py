"""Other ways to rank labels on the same features: cleanlab, and the vote of the neighbours."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.measures import Ranking
from cleaner.arrays import Features, Labels, PredProbs
from cleaner.learning import folds

NEIGHBOURS = (10, 50)
# Inverse strengths of the penalty. scikit-learn's default is the last; what is most often meant
# by "a logistic regression" learns 1,280 features by heart with it.
STRENGTHS = (1e-4, 1e-3, 1e-2, 1.0)
_FOLDS = 5
_MOST_STEPS = 2_000


def rankings(
    features: Features, labels: Labels, class_count: int, *, seed: int, cache_folder: Path
) -> list[Ranking]:
    """Return the peers' rankings from the plain view's features of one backbone.

    cleanlab's self-confidence is the plain probability of the given label by the same logistic
    regression, so one line stands for both. It comes with scikit-learn's default penalty, and
    "tuned", with that of the least log loss on the given labels. All photos train: the peers
    seal none.
    """
    regression = Regression(features, labels, class_count, seed, cache_folder)
    votes = [
        Ranking(f"{count} neighbours' vote", neighbour_vote(features, labels, count))
        for count in NEIGHBOURS
    ]
    return [
        *_by_cleanlab("cleanlab", labels, regression.pred_probs(STRENGTHS[-1])),
        *_by_cleanlab("tuned cleanlab", labels, regression.tuned()),
        *votes,
    ]


def _by_cleanlab(name: str, labels: Labels, pred_probs: PredProbs) -> list[Ranking]:
    # Here, so that a measurement without peers runs without cleanlab.
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    flagged = find_label_issues(labels, pred_probs, n_jobs=1)
    return [
        Ranking(
            f"{name}, {method.replace('self_', 'self-').replace('_', ' ')}",
            1 - get_label_quality_scores(labels, pred_probs, method=method),
            flagged,
            pred_probs,
        )
        for method in ("self_confidence", "normalized_margin")
    ]


@dataclass(frozen=True, slots=True)
class Regression:
    """Logistic regression, each fifth of the photos judged by a model of the other four."""

    features: Features
    labels: Labels
    class_count: int
    seed: int
    cache_folder: Path

    def tuned(self) -> PredProbs:
        """Return the probabilities with the penalty that fits the left-out labels best."""
        return min(map(self.pred_probs, STRENGTHS), key=self._log_loss)

    def _log_loss(self, pred_probs: PredProbs) -> float:
        own = pred_probs[np.arange(self.labels.size), self.labels]
        return float(-np.log(np.maximum(own, 1e-9)).mean())

    def pred_probs(self, strength: float) -> PredProbs:
        """Return (item, class), from the cache if it was asked for before.

        The peers do not change from one version of Cleaner to the next, and take most of the time.
        """
        recipe = f"{sklearn.__version__} {strength} {self.seed} {self.class_count}"
        digest = hashlib.sha256(recipe.encode() + self.labels.tobytes() + self.features.tobytes())
        path = self.cache_folder / "peers" / f"{digest.hexdigest()[:32]}.npy"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, self._fitted(strength))
        found: PredProbs = np.load(path, allow_pickle=False)
        return found

    def _fitted(self, strength: float) -> PredProbs:
        pred_probs = np.zeros((self.labels.size, self.class_count))
        apart, nobody = np.arange(self.labels.size), np.zeros(self.labels.size, bool)
        rng = np.random.default_rng(self.seed)
        fold = folds.stratified(self.labels, apart, folds=_FOLDS, sealed=nobody, rng=rng)
        for number in range(_FOLDS):
            held_out = fold == number
            regression = LogisticRegression(C=strength, max_iter=_MOST_STEPS)
            model = make_pipeline(StandardScaler(), regression)
            model.fit(self.features[~held_out], self.labels[~held_out])
            judged = model.predict_proba(self.features[held_out])
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
