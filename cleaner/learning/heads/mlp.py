"""A small network on the bottlenecks of all views, stopped early in every fold.

Each epoch shows every image once, in one of its views drawn at random, as training with
augmentation on the fly would. scikit-learn trains it: at this size TensorFlow spends more
time on starting than on training, and ranking images need not load it at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import softmax
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier

from cleaner.arrays import ItemMask, ViewFeatures, ViewProbs
from cleaner.learning.folds import SEALED
from cleaner.learning.heads.base import HeadVotes, TrainingData
from cleaner.progress import Progress, Report

EPOCHS = 60
PATIENCE = 6
HIDDEN_UNITS = 256
BATCH_SIZE = 128
WEIGHT_DECAY = 1e-2
LEARNING_RATE = 1e-3
# Share of the training items that watch for overfitting; they are never the held-out fold.
WATCH_SHARE = 0.1


def mlp(data: TrainingData, report: Report) -> HeadVotes:
    """Return the mean of the views' probabilities, each fold judged by a network of its own.

    Sealed items are judged by the mean of the folds' networks, none of which saw them.
    """
    inputs = _standardised(data)
    view_probs = np.zeros((*inputs.shape[:2], data.class_count))
    sealed = data.fold == SEALED
    numbers = [int(number) for number in np.unique(data.fold[~sealed])]
    for done, number in enumerate(numbers, 1):
        held_out = data.fold == number
        rng = np.random.default_rng([data.seed, number])
        training = _Training(inputs, data, rng, f"Training fold {done} of {len(numbers)}")
        weights = training.run(~(held_out | sealed), report)
        view_probs[:, held_out] = _predict(weights, inputs[:, held_out])
        if sealed.any():
            view_probs[:, sealed] += _predict(weights, inputs[:, sealed]) / len(numbers)
    return HeadVotes(view_probs.mean(axis=0), view_probs)


def _standardised(data: TrainingData) -> ViewFeatures:
    """Return (view, item, feature) with all backbones side by side, mean 0 and scale 1."""
    rooted = np.concatenate([np.sqrt(np.maximum(f, 0)) for f in data.view_features], axis=2)
    seen = rooted[:, data.fold != SEALED]
    mean, scale = seen.mean(axis=(0, 1)), seen.std(axis=(0, 1))
    rooted -= mean
    rooted /= np.maximum(scale, 1e-6)
    return rooted


@dataclass(frozen=True, slots=True)
class _Weights:
    """The layers of a trained network; `classes` are the columns it knows."""

    layers: tuple[tuple[np.ndarray, np.ndarray], ...]
    class_count: int


@dataclass(frozen=True, slots=True)
class _Training:
    inputs: ViewFeatures
    data: TrainingData
    rng: np.random.Generator
    stage: str

    def run(self, learns: ItemMask, report: Report) -> _Weights:
        """Train until the watched loss has not fallen for a while; return the best weights."""
        fit_on, watch_on = self._split(learns)
        network = MLPClassifier(
            (HIDDEN_UNITS,),
            alpha=WEIGHT_DECAY,
            batch_size=min(BATCH_SIZE, fit_on.size),
            learning_rate_init=LEARNING_RATE,
            random_state=int(self.rng.integers(2**31)),
        )
        best_loss, best, waited = np.inf, None, 0
        for epoch in range(1, EPOCHS + 1):
            self._show(network, fit_on)
            current = _Weights(_copied(network), self.data.class_count)
            curves = {"loss": float(network.loss_)}
            if watch_on.size:
                curves["validation_loss"] = self._watched_loss(current, watch_on)
            loss = curves.get("validation_loss", curves["loss"])
            best_loss, best, waited = (
                (loss, current, 0) if loss < best_loss else (best_loss, best, waited + 1)
            )
            message = ", ".join(f"{name.replace('_', ' ')} {v:.3f}" for name, v in curves.items())
            report(Progress(self.stage, epoch, EPOCHS, message, curves))
            if waited == PATIENCE:
                break
        return best or current

    def _split(self, learns: ItemMask) -> tuple[np.ndarray, np.ndarray]:
        """Choose whole duplicate groups to watch the loss on; none where items are few."""
        if learns.sum() < 2 / WATCH_SHARE:
            return np.flatnonzero(learns), np.empty(0, np.int64)
        groups = np.unique(self.data.groups[learns])
        chosen = groups[self.rng.random(groups.size) < WATCH_SHARE]
        watches = np.isin(self.data.groups, chosen)
        return np.flatnonzero(learns & ~watches), np.flatnonzero(learns & watches)

    def _show(self, network: MLPClassifier, items: np.ndarray) -> None:
        """Train one epoch on one random view of each item."""
        view = self.rng.integers(self.inputs.shape[0], size=items.size)
        network.partial_fit(
            self.inputs[view, items],
            self.data.labels[items],
            classes=np.arange(self.data.class_count),
        )

    def _watched_loss(self, weights: _Weights, items: np.ndarray) -> float:
        probs = _predict(weights, self.inputs[:, items]).mean(axis=0)
        labels = range(self.data.class_count)
        return float(log_loss(self.data.labels[items], probs, labels=labels))


def _copied(network: MLPClassifier) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    pairs = zip(network.coefs_, network.intercepts_, strict=True)
    return tuple((weights.copy(), bias.copy()) for weights, bias in pairs)


def _predict(weights: _Weights, inputs: ViewFeatures) -> ViewProbs:
    """Return (view, item, class)."""
    (hidden, hidden_bias), (top, top_bias) = weights.layers
    logits = np.maximum(inputs @ hidden + hidden_bias, 0) @ top + top_bias
    if logits.shape[2] < weights.class_count:  # two classes share one output
        logits = np.concatenate([np.zeros_like(logits), logits], axis=2)
    probs: ViewProbs = softmax(logits.astype(np.float64), axis=2)
    return probs
