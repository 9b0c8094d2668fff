"""Small networks on the bottlenecks of all views, one a fold, each stopped early.

Each epoch shows every image once, in one of its views drawn at random, as training with
augmentation on the fly would. The features are reduced to their main directions first: that
costs no accuracy and saves most of the time. Some ten thousand images at a time are read and
shuffled (`dealing`), from memory and from disk alike, so that the two give the same networks.
numpy trains: at this size TensorFlow spends more time on starting than on training, and ranking
images need not load it at all.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from cleaner import processors
from cleaner.arrays import Folds, ItemMask
from cleaner.learning import dealing
from cleaner.learning.folds import SEALED
from cleaner.learning.heads.base import HeadVotes, TrainingData
from cleaner.learning.inputs import parts
from cleaner.learning.perceptron import Layers, Perceptron, probabilities
from cleaner.learning.views_on_disk import SomeViews
from cleaner.predictions import LEAST_PROBABILITY
from cleaner.progress import Progress, Report

# An epoch is at least so many steps, and a step at most so many images.
LEAST_STEPS = 24
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
        learning_rate: of Adam, at the start; it falls to 0 along a cosine over all epochs.
    """

    name: str
    hidden_units: int
    epochs: int
    patience: int
    learning_rate: float


def out_of_fold_votes(data: TrainingData, recipe: Recipe, report: Report) -> HeadVotes:
    """Return the mean of the views' probabilities, each fold judged by a network of its own.

    Sealed items are judged by the mean of the folds' networks, none of which saw them.
    """
    inputs = data.geometry.reduced
    numbers = [int(number) for number in np.unique(data.fold[data.trains])]
    trainer = _Trainer(inputs, data, recipe, len(numbers), report)
    # One thread a fold: the matrices are too small for two to share one.
    with threadpool_limits(1), ThreadPoolExecutor(processors.available()) as pool:
        networks = dict(zip(numbers, pool.map(trainer.network, numbers), strict=True))
    view_probs = np.empty((*inputs.shape[:2], data.class_count), np.float32)
    for part in parts(inputs.shape[1]):
        report(Progress(f"Judging by the {recipe.name}", part.start, inputs.shape[1]))
        view_probs[:, part] = _judged(networks, inputs[:, part], data.fold[part])
    return HeadVotes(view_probs.mean(axis=0), view_probs)


def _judged(networks: Mapping[int, Layers], rows: np.ndarray, fold: Folds) -> np.ndarray:
    """Return (view, item, class) of a part of the items."""
    sealed = fold == SEALED
    first = next(iter(networks.values()))
    found = np.zeros((*rows.shape[:2], len(first[-1][1])))
    for number, network in networks.items():
        held_out = fold == number
        found[:, held_out] = probabilities(network, rows[:, held_out])
        if sealed.any():
            found[:, sealed] += probabilities(network, rows[:, sealed]) / len(networks)
    return found


class _Trainer:
    """Trains the network of one fold after another, in any number of threads."""

    def __init__(
        self,
        inputs: SomeViews,
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

    def network(self, number: int) -> Layers:
        """Train until the watched loss has not fallen for a while; return the best network."""
        rng = np.random.default_rng([self._data.seed, number])
        learns = (self._data.fold != number) & self._data.trains
        fit_on, watch_on = self._split(learns, rng)
        network = self._network(rng)
        best_loss, best, waited = np.inf, network.copied(), 0
        for epoch in range(1, self._recipe.epochs + 1):
            curves = {"loss": self._show(number, network, epoch, fit_on, rng)}
            if watch_on.size:
                curves["validation_loss"] = self._loss(network, watch_on)
            loss = curves.get("validation_loss", curves["loss"])
            best_loss, best, waited = (
                (loss, network.copied(), 0) if loss < best_loss else (best_loss, best, waited + 1)
            )
            self._tell(number, epoch, curves)
            if waited == self._recipe.patience:
                break
        return best

    def _split(self, learns: ItemMask, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Choose whole duplicate groups to watch the loss on; none where items are few."""
        if learns.sum() < 2 / WATCH_SHARE:
            return np.flatnonzero(learns), np.empty(0, np.int64)
        groups = np.unique(self._data.groups[learns])
        chosen = groups[rng.random(groups.size) < WATCH_SHARE]
        watches = np.isin(self._data.groups, chosen)
        return np.flatnonzero(learns & ~watches), np.flatnonzero(learns & watches)

    def _network(self, rng: np.random.Generator) -> Perceptron:
        between = (self._recipe.hidden_units,) if self._recipe.hidden_units else ()
        sides = (self._inputs.shape[2], *between, self._data.class_count)
        return Perceptron(sides, rng)

    def _show(
        self,
        number: int,
        network: Perceptron,
        epoch: int,
        items: np.ndarray,
        rng: np.random.Generator,
    ) -> float:
        """Train one epoch on one random view of each item; return the mean loss."""
        losses: list[float] = []
        before = 0.0
        for buffer in dealing.dealt(items, rng):
            if before:
                self._tell(number, epoch - 1, {})
            share = buffer.size / items.size
            losses += self._show_buffer(network, epoch - 1 + before, share, buffer, rng)
            before += share
        return float(np.mean(losses))

    def _show_buffer(
        self,
        network: Perceptron,
        done: float,
        share: float,
        items: np.ndarray,
        rng: np.random.Generator,
    ) -> Iterator[float]:
        """Train on what memory holds at a time, that share of an epoch; yield the losses."""
        shown = rng.permutation(items)
        view = rng.integers(self._inputs.shape[0], size=items.size)
        rows, labels = self._inputs[view, shown], self._data.labels[shown]
        steps = max(-(-items.size // BATCH_SIZE), min(math.ceil(LEAST_STEPS * share), items.size))
        for step, part in enumerate(np.array_split(np.arange(items.size), steps)):
            course = (done + step / steps * share) / self._recipe.epochs
            rate = self._recipe.learning_rate * (1 + math.cos(math.pi * course)) / 2
            yield network.learn(rows[part], labels[part], rate=rate)

    def _loss(self, network: Perceptron, items: np.ndarray) -> float:
        """Return the mean log loss of these items, each judged by all of its views."""
        total = 0.0
        for part in parts(items.size):
            some = items[part]
            probs = probabilities(network.layers, self._inputs[:, some]).mean(axis=0)
            own = probs[np.arange(some.size), self._data.labels[some]]
            total -= float(np.log(np.maximum(own, LEAST_PROBABILITY)).sum())
        return total / items.size

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
