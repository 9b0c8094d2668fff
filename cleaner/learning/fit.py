"""Small networks on the bottlenecks of all views, one a fold, each stopped early.

Each epoch shows every image once, in one of its views drawn at random, as training with
augmentation on the fly would. The features are reduced to their main directions first: that
costs no accuracy and saves most of the time. scikit-learn trains: at this size TensorFlow
spends more time on starting than on training, and ranking images need not load it at all.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from cleaner import processors
from cleaner.arrays import ItemMask, ReducedViews, ViewProbs
from cleaner.learning.heads.base import HeadVotes, TrainingData
from cleaner.progress import Progress, Report

# An epoch is at least so many steps, and a step at most so many images.
LEAST_STEPS = 16
BATCH_SIZE = 256
# Share of the training items that watch for overfitting; they are never the held-out fold.
WATCH_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network is shaped and trained.

    Attributes:
        name: what the progress calls it.
        hidden_units: of the one hidden layer; 0 for none, a linear classifier.
        epochs: at most this many passes over the images.
        patience: epochs without a better watched loss before stopping.
        learning_rate: of Adam, at the start.
        weight_decay: of the squared weights.
    """

    name: str
    hidden_units: int
    epochs: int
    patience: int
    learning_rate: float
    weight_decay: float


def out_of_fold_votes(data: TrainingData, recipe: Recipe, report: Report) -> HeadVotes:
    """Return the mean of the views' probabilities, each fold judged by a network of its own.

    Sealed items are judged by the mean of the folds' networks, none of which saw them.
    """
    inputs, sealed = data.geometry.reduced, ~data.trains
    numbers = [int(number) for number in np.unique(data.fold[~sealed])]
    trainer = _Trainer(inputs, data, recipe, len(numbers), report)
    # One thread a fold: the matrices are too small for two to share one.
    with threadpool_limits(1), ThreadPoolExecutor(processors.available()) as pool:
        networks = list(pool.map(trainer.network, numbers))
    view_probs = np.zeros((*inputs.shape[:2], data.class_count))
    for number, network in zip(numbers, networks, strict=True):
        held_out = data.fold == number
        view_probs[:, held_out] = _predict(network, inputs[:, held_out])
        if sealed.any():
            view_probs[:, sealed] += _predict(network, inputs[:, sealed]) / len(numbers)
    return HeadVotes(view_probs.mean(axis=0), view_probs)


@dataclass(frozen=True, slots=True)
class _Network:
    """The layers of a trained network, and how many classes it tells apart."""

    layers: tuple[tuple[np.ndarray, np.ndarray], ...]
    class_count: int


class _Trainer:
    """Trains the network of one fold after another, in any number of threads."""

    def __init__(
        self,
        inputs: ReducedViews,
        data: TrainingData,
        recipe: Recipe,
        fold_count: int,
        report: Report,
    ) -> None:
        self._inputs = inputs
        self._data = data
        self._recipe = recipe
        self._fold_count = fold_count
        self._report = report
        self._one_at_a_time = threading.Lock()
        self._cancelled: BaseException | None = None

    def network(self, number: int) -> _Network:
        """Train until the watched loss has not fallen for a while; return the best network."""
        rng = np.random.default_rng([self._data.seed, number])
        learns = (self._data.fold != number) & self._data.trains
        fit_on, watch_on = self._split(learns, rng)
        classifier = self._classifier(fit_on, rng)
        best_loss, best, waited = np.inf, None, 0
        for epoch in range(1, self._recipe.epochs + 1):
            self._show(classifier, fit_on, rng)
            current = _Network(_copied(classifier), self._data.class_count)
            curves = {"loss": float(classifier.loss_)}
            if watch_on.size:
                curves["validation_loss"] = self._watched_loss(current, watch_on)
            loss = curves.get("validation_loss", curves["loss"])
            best_loss, best, waited = (
                (loss, current, 0) if loss < best_loss else (best_loss, best, waited + 1)
            )
            self._tell(number, epoch, curves)
            if waited == self._recipe.patience:
                break
        return best or current

    def _split(self, learns: ItemMask, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Choose whole duplicate groups to watch the loss on; none where items are few."""
        if learns.sum() < 2 / WATCH_SHARE:
            return np.flatnonzero(learns), np.empty(0, np.int64)
        groups = np.unique(self._data.groups[learns])
        chosen = groups[rng.random(groups.size) < WATCH_SHARE]
        watches = np.isin(self._data.groups, chosen)
        return np.flatnonzero(learns & ~watches), np.flatnonzero(learns & watches)

    def _classifier(self, fit_on: np.ndarray, rng: np.random.Generator) -> MLPClassifier:
        return MLPClassifier(
            (self._recipe.hidden_units,) if self._recipe.hidden_units else (),
            alpha=self._recipe.weight_decay,
            batch_size=int(np.clip(fit_on.size // LEAST_STEPS, 1, BATCH_SIZE)),
            learning_rate_init=self._recipe.learning_rate,
            random_state=int(rng.integers(2**31)),
        )

    def _show(self, classifier: MLPClassifier, items: np.ndarray, rng: np.random.Generator) -> None:
        """Train one epoch on one random view of each item."""
        view = rng.integers(self._inputs.shape[0], size=items.size)
        classifier.partial_fit(
            self._inputs[view, items],
            self._data.labels[items],
            classes=np.arange(self._data.class_count),
        )

    def _watched_loss(self, network: _Network, items: np.ndarray) -> float:
        probs = _predict(network, self._inputs[:, items]).mean(axis=0)
        labels = range(self._data.class_count)
        return float(log_loss(self._data.labels[items], probs, labels=labels))

    def _tell(self, number: int, epoch: int, curves: dict[str, float]) -> None:
        """Report from one thread at a time; once cancelled, all of them stop."""
        stage = f"Training the {self._recipe.name}, fold {number + 1} of {self._fold_count}"
        message = ", ".join(f"{name.replace('_', ' ')} {v:.3f}" for name, v in curves.items())
        with self._one_at_a_time:
            if self._cancelled is not None:
                raise self._cancelled
            try:
                self._report(Progress(stage, epoch, self._recipe.epochs, message, curves))
            except BaseException as error:
                self._cancelled = error
                raise


def _copied(classifier: MLPClassifier) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    pairs = zip(classifier.coefs_, classifier.intercepts_, strict=True)
    return tuple((weights.copy(), bias.copy()) for weights, bias in pairs)


def _predict(network: _Network, inputs: ReducedViews) -> ViewProbs:
    """Return (view, item, class)."""
    *hidden_layers, (top, top_bias) = network.layers
    for weights, bias in hidden_layers:
        inputs = np.maximum(inputs @ weights + bias, 0)
    logits = inputs @ top + top_bias
    if logits.shape[2] < network.class_count:  # two classes share one output
        logits = np.concatenate([np.zeros_like(logits), logits], axis=2)
    probs: ViewProbs = softmax(logits.astype(np.float64), axis=2)
    return probs
