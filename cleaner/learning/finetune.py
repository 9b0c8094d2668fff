"""The top of a pretrained network trained on the photos themselves, resumable epoch by epoch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cleaner.backbones.base import Backbone
from cleaner.learning import snapshots
from cleaner.learning.final_head import DROPOUT, LABEL_SMOOTHING, FinalHead, class_weights
from cleaner.learning.photos import Batch, augmented_batches, plain_batches
from cleaner.learning.training_set import TrainingSet, labels_of
from cleaner.progress import Progress, Report
from cleaner.settings import TrainSettings

LEARNING_RATE = 3e-4
_VALIDATION_BATCH = 32
_STAGE = "Fine-tuning the network"
_VALIDATION_STAGE = "Checking the last layer"


@dataclass(frozen=True, slots=True)
class Network:
    """A final model and its two parts.

    Attributes:
        base: raw RGB to features.
        top: features to probabilities.
        model: both in one.
    """

    base: keras.Model
    top: keras.layers.Layer
    model: keras.Model


@dataclass(frozen=True, slots=True)
class FineTuned:
    """What fine-tuning did; the network holds the best weights.

    Attributes:
        history: name -> one number an epoch.
        kept_epoch: the epoch whose weights were kept; 0 is the last layer alone.
    """

    history: dict[str, list[float]]
    kept_epoch: int


def assembled(backbone: Backbone, head: FinalHead) -> Network:
    """Return the pretrained network with a trained last layer on it."""
    base = backbone.build()
    top = keras.layers.Dense(head.bias.size, activation="softmax", name="probabilities")
    photos = keras.Input(base.input_shape[1:], name="image")
    model = keras.Model(photos, top(base(photos)), name="final_model")
    top.set_weights([head.kernel, head.bias])
    return Network(base, top, model)


def fine_tune(
    network: Network,
    photos: TrainingSet,
    settings: TrainSettings,
    checkpoint: Path,
    report: Report,
) -> FineTuned:
    """Train the top of the network and leave in it the weights with the least validation loss.

    Where no epoch beats the last layer alone, that stays. After each epoch all is saved to
    `checkpoint`; called again with the same arguments, training goes on from there.
    """
    run = _Run(network, photos, settings, report)
    state = _load(checkpoint, run) or _State(best_loss=run.loss_before(), best=run.weights())
    for epoch in range(len(state.history["loss"])):
        report(run.told(epoch, state))
    while not _is_finished(state, settings):
        epoch = len(state.history["loss"])
        curves = run.epoch(epoch)
        for name, value in curves.items():
            state.history[name].append(value)
        if curves["validation_loss"] < state.best_loss:
            state.best_loss, state.best = curves["validation_loss"], run.weights()
            state.kept_epoch = epoch + 1
        _save(checkpoint, run, state)
        report(run.told(epoch, state))
    run.set_weights(state.best)
    return FineTuned(state.history, state.kept_epoch)


def unfreeze(base: keras.Model, fraction: float) -> None:
    """Let only the last `fraction` of the layers that have weights be trained."""
    weighted = [layer for layer in base.layers if layer.weights]
    frozen = len(weighted) - round(fraction * len(weighted))
    for index, layer in enumerate(weighted):
        layer.trainable = index >= frozen


_CURVES = ("loss", "accuracy", "validation_loss", "validation_accuracy")


@dataclass(slots=True)
class _State:
    """What a checkpoint holds besides the current weights."""

    best_loss: float
    best: list[np.ndarray]
    kept_epoch: int = 0
    history: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in _CURVES})


def _schedule(steps: int, epochs: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """Return a rate that rises over the first half epoch and falls to nothing over the rest."""
    warm_steps = max(1, steps // 2)
    return keras.optimizers.schedules.CosineDecay(
        0.0,
        max(1, steps * epochs - warm_steps),
        warmup_target=LEARNING_RATE,
        warmup_steps=warm_steps,
    )


def _is_finished(state: _State, settings: TrainSettings) -> bool:
    losses = state.history["validation_loss"]
    # Counted from the best of these epochs, not from the last layer alone: the first epochs,
    # with their large steps, are often worse than it, and the later ones better.
    is_stale = bool(losses) and len(losses) - 1 - int(np.argmin(losses)) >= settings.patience
    return len(losses) >= settings.fine_tune_epochs or is_stale


class _Run:
    """One network in training: its variables, its optimizer and the compiled step."""

    def __init__(
        self, network: Network, photos: TrainingSet, settings: TrainSettings, report: Report
    ) -> None:
        self._network = network
        self._photos = photos
        self._settings = settings
        self._report = report
        self._side_px = int(network.base.input_shape[1])
        self._class_weights = class_weights(labels_of(photos.train), len(photos.class_names))
        unfreeze(network.base, settings.fine_tune_fraction)
        self._variables = [*network.base.trainable_variables, *network.top.trainable_variables]
        steps = -(-len(photos.train) // settings.batch_size)
        self.optimizer = keras.optimizers.Adam(_schedule(steps, settings.fine_tune_epochs))
        self.optimizer.build(self._variables)
        self._compiled_step = tf.function(self._step, reduce_retracing=True)
        self._compiled_probs = tf.function(self._probs, reduce_retracing=True)

    def weights(self) -> list[np.ndarray]:
        return [np.array(variable.numpy()) for variable in self._variables]

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        for variable, value in zip(self._variables, weights, strict=True):
            variable.assign(value)

    def loss_before(self) -> float:
        total = len(self._photos.validation)
        loss, _accuracy = self._validated(
            lambda seen: self._report(Progress(_VALIDATION_STAGE, seen, total))
        )
        return loss

    def epoch(self, epoch: int) -> dict[str, float]:
        """Train on every photo once; return the epoch's curves."""
        settings, train = self._settings, self._photos.train
        batches = augmented_batches(
            train,
            side_px=self._side_px,
            batch_size=settings.batch_size,
            seed=settings.seed,
            epoch=epoch,
        )
        before = epoch * self._epoch_photos
        sums, seen = np.zeros(2), 0
        for batch in batches:
            loss, hits = self._stepped(batch)
            seen += len(batch.labels)
            sums += (loss * len(batch.labels), hits)
            self._tell(before + seen, f"epoch {epoch + 1}, loss {sums[0] / seen:.3f}")
        loss, accuracy = self._validated(
            lambda checked: self._tell(before + seen + checked, f"epoch {epoch + 1}, checking")
        )
        means = sums / max(seen, 1)
        return dict(zip(_CURVES, (*means.tolist(), loss, accuracy), strict=True))

    def told(self, epoch: int, state: _State) -> Progress:
        """Return the report that ends an epoch."""
        curves = {name: values[epoch] for name, values in state.history.items()}
        total = self._settings.fine_tune_epochs * self._epoch_photos
        words = f"epoch {epoch + 1}, validation accuracy {curves['validation_accuracy']:.1%}"
        return Progress(_STAGE, (epoch + 1) * self._epoch_photos, total, words, curves)

    @property
    def _epoch_photos(self) -> int:
        return len(self._photos.train) + len(self._photos.validation)

    def _tell(self, seen: int, words: str) -> None:
        total = self._settings.fine_tune_epochs * self._epoch_photos
        self._report(Progress(_STAGE, seen, total, words))

    def _stepped(self, batch: Batch) -> tuple[float, float]:
        weights = self._class_weights[batch.labels] * batch.readable
        seed = [self._settings.seed, int(self.optimizer.iterations.numpy())]
        loss, hits = self._compiled_step(batch.photos, batch.labels, weights, tf.constant(seed))
        return float(loss), float(hits)

    def _step(self, photos: Any, labels: Any, weights: Any, seed: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            # training=False keeps the batch statistics of the pretraining: a few hundred photos
            # would spoil them. It holds only in a call of its own; in a nested model Keras
            # replaces it with the outer model's mode.
            features = self._network.base(tf.cast(photos, tf.float32), training=False)
            # Stateless, so that a run that was killed goes on as if it had not been.
            features = tf.nn.experimental.stateless_dropout(features, DROPOUT, seed)
            probs = self._network.top(features)
            loss = tf.reduce_mean(self._losses(labels, probs) * weights)
        gradients = tape.gradient(loss, [variable.value for variable in self._variables])
        self.optimizer.apply(gradients, self._variables)
        return loss, self._hits(labels, probs)

    def _validated(self, tell: Callable[[int], None]) -> tuple[float, float]:
        sums, seen = np.zeros(2), 0
        batches = plain_batches(
            self._photos.validation, side_px=self._side_px, batch_size=_VALIDATION_BATCH
        )
        for batch in batches:
            kept = np.flatnonzero(batch.readable)
            probs = self._compiled_probs(batch.photos[kept])
            labels = batch.labels[kept]
            sums += (float(tf.reduce_sum(self._losses(labels, probs))), self._hits(labels, probs))
            seen += len(kept)
            tell(seen)
        loss, accuracy = sums / max(seen, 1)
        return float(loss), float(accuracy)

    def _probs(self, photos: Any) -> Any:
        return self._network.model(tf.cast(photos, tf.float32), training=False)

    def _losses(self, labels: Any, probs: Any) -> Any:
        wanted = tf.one_hot(labels, len(self._photos.class_names))
        return keras.losses.categorical_crossentropy(wanted, probs, label_smoothing=LABEL_SMOOTHING)

    @staticmethod
    def _hits(labels: Any, probs: Any) -> Any:
        return tf.reduce_sum(tf.cast(tf.equal(tf.argmax(probs, axis=1), labels), tf.float32))


def _save(path: Path, run: _Run, state: _State) -> None:
    facts = {
        "best_loss": state.best_loss,
        "kept_epoch": state.kept_epoch,
        "history": state.history,
    }
    optimizer = [np.array(variable.numpy()) for variable in run.optimizer.variables]
    arrays = {"weights": run.weights(), "best": state.best, "optimizer": optimizer}
    snapshots.save(path, facts, arrays)


def _load(path: Path, run: _Run) -> _State | None:
    kept = snapshots.load(path)
    if kept is None:
        return None
    for variable, value in zip(run.optimizer.variables, kept.arrays["optimizer"], strict=True):
        variable.assign(value)
    run.set_weights(kept.arrays["weights"])
    return _State(best=kept.arrays["best"], **kept.facts)
