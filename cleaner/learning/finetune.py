"""The top of a pretrained network trained on the photos themselves, resumable epoch by epoch.

A network that begins with random weights is trained as a whole, its batch statistics too.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cleaner.backbones.base import Backbone
from cleaner.errors import SettingsError
from cleaner.learning import devices, snapshots
from cleaner.learning.final_head import DROPOUT, FinalHead
from cleaner.learning.lessons import Teacher, lessons_of
from cleaner.learning.photos import Batch, augmented_batches, plain_batches
from cleaner.learning.training_set import TrainingSet
from cleaner.progress import PHASE, Progress, Report
from cleaner.settings import TrainSettings

LEARNING_RATE = 3e-4
LEARNING_RATE_FROM_NOTHING = 2e-3
# The shares of all steps after which a rate in steps falls to a tenth.
_DROPS = (0.5, 0.8)
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
    """Return the pretrained network with a trained last layer on it, where it is trained best."""
    with devices.strategy().scope(), devices.best_precision():
        return _assembled(backbone, head)


def shippable(network: Network, backbone: Backbone, head: FinalHead) -> Network:
    """Return the network as others can run it: in float32, and on no card in particular."""
    if not devices.cards():
        return network
    plain = _assembled(backbone, head)
    plain.model.set_weights(network.model.get_weights())
    return plain


def _assembled(backbone: Backbone, head: FinalHead) -> Network:
    base = backbone.build()
    classes = head.bias.size
    # In float32 also where the rest computes in half precision.
    top = keras.layers.Dense(classes, activation="softmax", dtype="float32", name=head.name)
    photos = keras.Input(base.input_shape[1:], name="image")
    model = keras.Model(photos, top(base(photos)), name="final_model")
    top.set_weights([head.kernel, head.bias])
    return Network(base, top, model)


def fine_tune(  # noqa: PLR0913 - what is trained on what, and who is told
    network: Network,
    photos: TrainingSet,
    settings: TrainSettings,
    checkpoint: Path,
    report: Report,
    teacher: Teacher | None = None,
    keep: Callable[[int, keras.Model], None] | None = None,
) -> FineTuned:
    """Train the top of the network and leave in it the weights with the least validation loss.

    Where no epoch beats the last layer alone, that stays. Without validation photos the last
    epoch is kept. After each epoch all is saved to `checkpoint`; called again with the same
    arguments, training goes on from there. `keep` is called with the number of each epoch and
    the network as it is after it.

    Raises:
        SettingsError: the network has no layer of the name that it is to be unfrozen from.
    """
    with devices.strategy().scope(), devices.best_precision():
        run = _Run(network, photos, settings, report, teacher or {})
    state = _load(checkpoint, run) or _State(best_loss=run.loss_before(), best=run.weights())
    for epoch in range(len(state.history["loss"])):
        report(run.told(epoch, state))
    while not _is_finished(state, settings, is_watched=bool(photos.validation)):
        epoch = len(state.history["loss"])
        curves = run.epoch(epoch)
        for name, value in curves.items():
            state.history[name].append(value)
        if not photos.validation or curves["validation_loss"] < state.best_loss:
            state.best_loss, state.best = curves["validation_loss"], run.weights()
            state.kept_epoch = epoch + 1
        if keep is not None:
            keep(epoch + 1, network.model)
        _save(checkpoint, run, state)
        report(run.told(epoch, state))
    run.set_weights(state.best)
    return FineTuned(state.history, state.kept_epoch)


def unfreeze(base: keras.Model, fraction: float) -> None:
    """Let only the last `fraction` of the layers that have weights be trained."""
    weighted = [layer for layer in base.layers if layer.weights]
    _freeze_first(weighted, len(weighted) - round(fraction * len(weighted)))


def unfreeze_from(base: keras.Model, name: str) -> None:
    """Let only the layer of that name, or number, and those above it be trained.

    Raises:
        SettingsError: there is no such layer; the message has the nearest names.
    """
    names = [layer.name for layer in base.layers]
    if name not in names and name.isdecimal() and int(name) < len(names):
        name = names[int(name)]
    if name not in names:
        near = difflib.get_close_matches(name, names, n=5, cutoff=0.5)
        known = f"Near: {', '.join(near)}. " if near else ""
        raise SettingsError(
            f"The network has no layer {name!r}. {known}There are {len(names)}, from {names[1]} "
            f"to {names[-1]}, the numbers 0 to {len(names) - 1}."
        )
    _freeze_first(base.layers, names.index(name))


def _freeze_first(layers: Sequence[keras.layers.Layer], count: int) -> None:
    for index, layer in enumerate(layers):
        layer.trainable = index >= count


_CURVES = ("loss", "accuracy", "validation_loss", "validation_accuracy")


@dataclass(slots=True)
class _State:
    """What a checkpoint holds besides the current weights."""

    best_loss: float
    best: list[np.ndarray]
    kept_epoch: int = 0
    history: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in _CURVES})


def _schedule(
    settings: TrainSettings, steps: int
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Return a rate that rises over the first half epoch and falls to nothing over the rest."""
    usual = LEARNING_RATE_FROM_NOTHING if settings.from_nothing else LEARNING_RATE
    rate = settings.fine_tune_learning_rate or usual
    warm_steps, all_steps = max(1, steps // 2), steps * settings.fine_tune_epochs
    if settings.schedule == "step":
        return _InSteps(rate, warm_steps, [round(share * all_steps) for share in _DROPS])
    return keras.optimizers.schedules.CosineDecay(
        0.0, max(1, all_steps - warm_steps), warmup_target=rate, warmup_steps=warm_steps
    )


class _InSteps(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # untyped
    """A rate that rises, stays, and falls to a tenth at each drop."""

    def __init__(self, rate: float, warm_steps: int, drops: Sequence[int]) -> None:
        self._rate = rate
        self._warm_steps = warm_steps
        self._drops = drops

    def __call__(self, step: Any) -> Any:
        done = tf.cast(step, tf.float32)
        passed = tf.reduce_sum(tf.cast(done >= tf.constant(self._drops, tf.float32), tf.float32))
        return self._rate * tf.minimum(1.0, done / self._warm_steps) * 0.1**passed


def _is_finished(state: _State, settings: TrainSettings, *, is_watched: bool) -> bool:
    losses = state.history["validation_loss"]
    # Counted from the best of these epochs, not from the last layer alone: the first epochs,
    # with their large steps, are often worse than it, and the later ones better.
    since_best = len(losses) - 1 - int(np.argmin(losses)) if losses else 0
    is_stale = is_watched and since_best >= settings.patience
    return len(losses) >= settings.fine_tune_epochs or is_stale


class _Run:
    """One network in training: its variables, its optimizer and the compiled step."""

    def __init__(
        self,
        network: Network,
        photos: TrainingSet,
        settings: TrainSettings,
        report: Report,
        teacher: Teacher,
    ) -> None:
        self._network = network
        self._photos = photos
        self._settings = settings
        self._report = report
        self._side_px = int(network.base.input_shape[1])
        self._lessons = lessons_of(photos.train, len(photos.class_names), settings, teacher)
        _prepare(network.base, settings)
        self._variables = [*network.base.trainable_variables, *network.top.trainable_variables]
        steps = -(-len(photos.train) // settings.batch_size)
        self.optimizer = devices.scaled(keras.optimizers.Adam(_schedule(settings, steps)))
        self.optimizer.build(self._variables)
        self._compiled_step = tf.function(self._step_everywhere, reduce_retracing=True)
        self._compiled_probs = tf.function(self._probs, reduce_retracing=True)

    @property
    def _changing(self) -> list[Any]:
        """Return every variable that training changes."""
        statistics = self._network.base.non_trainable_variables
        return [*self._variables, *(statistics if self._settings.from_nothing else ())]

    def weights(self) -> list[np.ndarray]:
        return [np.array(variable.numpy()) for variable in self._changing]

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        for variable, value in zip(self._changing, weights, strict=True):
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
            distortions=settings.distortions,
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
        curves = {name: values[epoch] for name, values in state.history.items()} | {PHASE: 1.0}
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
        weights = self._lessons.class_weights[batch.labels] * batch.readable
        wanted = self._lessons.wanted(batch.members)
        shared = devices.shared_out([batch.photos, batch.labels, wanted, weights])
        seed = tf.constant([self._settings.seed, int(self.optimizer.iterations.numpy())])
        count = tf.constant(float(len(batch.labels)))
        loss, hits = self._compiled_step(*shared, count, seed)
        return float(loss), float(hits)

    def _step_everywhere(self, *shared: Any) -> tuple[Any, Any]:
        spread = devices.strategy()
        loss, hits = spread.run(self._step, args=shared)
        return spread.reduce("SUM", loss, axis=None), spread.reduce("SUM", hits, axis=None)

    def _step(
        self, photos: Any, labels: Any, wanted: Any, weights: Any, count: Any, seed: Any
    ) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            # training=False keeps the batch statistics of the pretraining: a few hundred photos
            # would spoil them. It holds only in a call of its own; in a nested model Keras
            # replaces it with the outer model's mode.
            features = self._network.base(
                tf.cast(photos, tf.float32), training=self._settings.from_nothing
            )
            # Stateless, so that a run that was killed goes on as if it had not been.
            features = tf.nn.experimental.stateless_dropout(
                tf.cast(features, tf.float32), DROPOUT, seed
            )
            probs = self._network.top(features)
            losses = keras.losses.categorical_crossentropy(wanted, probs)
            # Of the whole batch, of which this may be a part: gradients of parts are added.
            loss = tf.reduce_sum(losses * weights) / count
            # Half precision would round small gradients to nothing.
            scaled = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, [variable.value for variable in self._variables])
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
            wanted = self._lessons.tested(labels)
            losses = keras.losses.categorical_crossentropy(wanted, probs)
            sums += (float(tf.reduce_sum(losses)), self._hits(labels, probs))
            seen += len(kept)
            tell(seen)
        loss, accuracy = sums / max(seen, 1)
        return float(loss), float(accuracy)

    def _probs(self, photos: Any) -> Any:
        return self._network.model(tf.cast(photos, tf.float32), training=False)

    @staticmethod
    def _hits(labels: Any, probs: Any) -> Any:
        return tf.reduce_sum(tf.cast(tf.equal(tf.argmax(probs, axis=1), labels), tf.float32))


def _prepare(base: keras.Model, settings: TrainSettings) -> None:
    if settings.from_nothing:
        base.trainable = True
    elif settings.fine_tune_from is not None:
        unfreeze_from(base, settings.fine_tune_from)
    else:
        unfreeze(base, settings.fine_tune_fraction)


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
