"""A whole network trained on the photos alone, from random weights, resumable epoch by epoch.

Small photos: all are read once and kept in memory. Each is seen in a new view every epoch: cropped
at random out of itself with a mirrored margin, flipped, in other light and contrast.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cleaner import images
from cleaner.arrays import ImageBatch, Labels, SquareImage
from cleaner.errors import ImageRejected, SettingsError
from cleaner.learning import snapshots
from cleaner.learning.finetune import FineTuned, Network
from cleaner.learning.photos import made_ahead
from cleaner.learning.training_set import Photo, TrainingSet, labels_of
from cleaner.progress import Progress, Report
from cleaner.settings import TrainSettings

# For batches of this size; larger ones take larger steps.
LEARNING_RATE = 0.05
BATCH_SIZE = 128
# Ten times the usual 5e-4: Keras takes it off the weights themselves, not through the momentum.
_WEIGHT_DECAY = 5e-3
_WARM_SHARE = 0.15
_MARGIN_PX = 4
_BRIGHTNESS = 0.15 * 255
_CONTRAST = 0.2
_VALIDATION_BATCH = 256
_STAGE = "Training the network"
# Of what may be asked of a training, what this one has no use for.
_NOT_OURS = (
    *("fine_tune_from", "fine_tune_learning_rate", "schedule", "class_weights", "distil"),
    *("flip_left_right", "random_crop", "random_scale", "random_brightness"),
)


def check(settings: TrainSettings) -> None:
    """Raise SettingsError where something is asked for that would be passed over."""
    usual = TrainSettings()
    asked = [name for name in _NOT_OURS if getattr(settings, name) != getattr(usual, name)]
    if asked:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in asked)
        raise SettingsError(
            f"{settings.model} begins with random weights and has a course of its own: leave out "
            f"{options}."
        )
    if not settings.fine_tune_epochs:
        raise SettingsError(
            "A network that begins with random weights has nothing but its epochs: give a number "
            "from 1 with --fine-tune-epochs."
        )


def trained(
    network: Network,
    photos: TrainingSet,
    settings: TrainSettings,
    checkpoint: Path,
    report: Report,
) -> FineTuned:
    """Train every weight for `fine_tune_epochs` passes and leave the last ones in the network.

    The rate rises over the first passes and falls to nothing like a cosine (Loshchilov and
    Hutter, ICLR 2017), so the last weights are the best, and no validation images are needed to
    stop by. After each epoch all is saved to `checkpoint`; called again with the same arguments,
    training goes on from there.

    Raises:
        SettingsError: as `check` does.
    """
    check(settings)
    run = _Run(network, photos, settings, report)
    history = run.resumed(checkpoint)
    for epoch in range(settings.fine_tune_epochs):
        if epoch >= len(history.get("loss", [])):
            for name, value in run.epoch(epoch).items():
                history.setdefault(name, []).append(value)
            run.save(checkpoint, history)
        report(run.told(epoch, history))
    return FineTuned(history, settings.fine_tune_epochs)


def views(photos: ImageBatch, rng: np.random.Generator) -> np.ndarray:
    """Return a new view of each photo, float32, 0..255."""
    count, side_px = photos.shape[:2]
    edge = ((0, 0), (_MARGIN_PX, _MARGIN_PX), (_MARGIN_PX, _MARGIN_PX), (0, 0))
    wide = np.pad(photos, edge, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(wide, (side_px, side_px), axis=(1, 2))
    top, left = rng.integers(0, 2 * _MARGIN_PX + 1, (2, count))
    seen = windows[np.arange(count), top, left].transpose(0, 2, 3, 1).astype(np.float32)
    mirrored = rng.random(count) < 0.5
    seen[mirrored] = seen[mirrored, :, ::-1]
    light = rng.uniform(-_BRIGHTNESS, _BRIGHTNESS, (count, 1, 1, 1))
    contrast = 1 + rng.uniform(-_CONTRAST, _CONTRAST, (count, 1, 1, 1))
    middle = seen.mean(axis=(1, 2), keepdims=True)
    # Standardising each picture takes back all of it but what leaves the range.
    changed = (seen - middle) * contrast + middle + light
    return np.asarray(np.clip(changed, 0, 255), np.float32)


@dataclass(frozen=True, slots=True)
class _Loaded:
    """Photos that could be read: (item, side, side, 3), uint8, and their labels."""

    photos: ImageBatch = field(repr=False)
    labels: Labels = field(repr=False)


class Stepper:
    """The compiled step: batches in, better weights behind.

    Args:
        network: what is trained.
        classes: how many there are.
        steps: how many will be made in all.
        batch_size: photos in each of them.
        smoothing: how much of each label is spread over all classes, 0..1.
    """

    def __init__(
        self,
        network: Network,
        classes: int,
        *,
        steps: int,
        batch_size: int,
        smoothing: float = 0.0,
    ) -> None:
        self._network = network
        self._classes = classes
        self._smoothing = smoothing
        self._variables = network.model.trainable_variables
        self.optimizer = _made_optimizer(steps, LEARNING_RATE * batch_size / BATCH_SIZE)
        self.optimizer.build(self._variables)
        self._compiled = tf.function(self._step, reduce_retracing=True)

    def __call__(self, photos: np.ndarray, labels: Labels) -> tuple[float, float]:
        """Take one step and return the loss and how many answers were right before it."""
        loss, hits = self._compiled(photos, labels)
        return float(loss), float(hits)

    def losses(self, labels: Any, probs: Any) -> Any:
        """Return one number a photo."""
        wanted = tf.one_hot(labels, self._classes)
        return keras.losses.categorical_crossentropy(wanted, probs, label_smoothing=self._smoothing)

    def _step(self, photos: Any, labels: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            features = self._network.base(photos, training=True)
            probs = self._network.top(features)
            loss = tf.reduce_mean(self.losses(labels, probs))
        gradients = tape.gradient(loss, [variable.value for variable in self._variables])
        self.optimizer.apply(gradients, self._variables)
        hits = tf.reduce_sum(tf.cast(tf.equal(tf.argmax(probs, axis=1), labels), tf.float32))
        return loss, hits


def _made_optimizer(steps: int, rate: float) -> keras.optimizers.Optimizer:
    warm = max(1, round(steps * _WARM_SHARE))
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - warm), warmup_target=rate, warmup_steps=warm
    )
    optimizer = keras.optimizers.SGD(
        schedule, momentum=0.9, nesterov=True, weight_decay=_WEIGHT_DECAY
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def seconds_a_step(network: Network, photos: ImageBatch, classes: int, *, steps: int) -> float:
    """Return how long a step takes with one batch of photos, its views included."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, classes, len(photos))
    stepper = Stepper(network, classes, steps=steps, batch_size=len(photos))
    stepper(views(photos, rng), labels)  # the first one compiles
    began = time.perf_counter()
    for _ in range(steps):
        stepper(views(photos, rng), labels)
    return (time.perf_counter() - began) / steps


class _Run:
    """One network in training, with its photos."""

    def __init__(
        self, network: Network, photos: TrainingSet, settings: TrainSettings, report: Report
    ) -> None:
        self._network = network
        self._settings = settings
        self._report = report
        side_px = int(network.base.input_shape[1])
        self._train = _loaded(photos.train, side_px, report)
        self._validation = _loaded(photos.validation, side_px, report)
        batch_size = max(settings.batch_size, BATCH_SIZE)
        self._steps = max(1, len(self._train.labels) // batch_size)
        self._stepper = Stepper(
            network,
            len(photos.class_names),
            steps=self._steps * settings.fine_tune_epochs,
            batch_size=batch_size,
            smoothing=settings.label_smoothing,
        )
        self._compiled_probs = tf.function(self._probs, reduce_retracing=True)

    def epoch(self, epoch: int) -> dict[str, float]:
        """Train on every photo once; return the epoch's curves."""
        rng = np.random.default_rng([self._settings.seed, epoch])
        order = rng.permutation(len(self._train.labels))
        sums, seen = np.zeros(2), 0
        for chosen in np.array_split(order, self._steps):
            photos = views(self._train.photos[chosen], rng)
            loss, hits = self._stepper(photos, self._train.labels[chosen])
            seen += len(chosen)
            sums += (loss * len(chosen), hits)
            self._tell(epoch, seen, f"epoch {epoch + 1}, loss {sums[0] / seen:.3f}")
        loss, accuracy = (sums / max(seen, 1)).tolist()
        return {"loss": loss, "accuracy": accuracy, **self._validated()}

    def told(self, epoch: int, history: dict[str, list[float]]) -> Progress:
        """Return the report that ends an epoch."""
        curves = {name: values[epoch] for name, values in history.items()}
        words = ", ".join(f"{name.replace('_', ' ')} {v:.3f}" for name, v in curves.items())
        photos = len(self._train.labels)
        total = self._settings.fine_tune_epochs * photos
        return Progress(_STAGE, (epoch + 1) * photos, total, words, curves)

    def resumed(self, checkpoint: Path) -> dict[str, list[float]]:
        """Take up what an earlier run saved, and return its curves."""
        kept = snapshots.load(checkpoint)
        if kept is None:
            return {}
        self._network.model.set_weights(kept.arrays["weights"])
        variables = self._stepper.optimizer.variables
        for variable, value in zip(variables, kept.arrays["optimizer"], strict=True):
            variable.assign(value)
        return dict(kept.facts["history"])

    def save(self, checkpoint: Path, history: dict[str, list[float]]) -> None:
        """Keep weights, optimizer and curves."""
        arrays = {
            "weights": self._network.model.get_weights(),
            "optimizer": [
                np.array(variable.numpy()) for variable in self._stepper.optimizer.variables
            ],
        }
        snapshots.save(checkpoint, {"history": history}, arrays)

    def _tell(self, epoch: int, seen: int, words: str) -> None:
        photos = len(self._train.labels)
        total = self._settings.fine_tune_epochs * photos
        self._report(Progress(_STAGE, epoch * photos + seen, total, words))

    def _probs(self, photos: Any) -> Any:
        return self._network.model(tf.cast(photos, tf.float32), training=False)

    def _validated(self) -> dict[str, float]:
        labels = self._validation.labels
        if not len(labels):
            return {}
        starts = range(0, len(labels), _VALIDATION_BATCH)
        parts = [self._validation.photos[start : start + _VALIDATION_BATCH] for start in starts]
        probs = np.concatenate([self._compiled_probs(part).numpy() for part in parts])
        losses = self._stepper.losses(tf.constant(labels), tf.constant(probs)).numpy()
        hits = probs.argmax(axis=1) == labels
        return {
            "validation_loss": float(losses.mean()),
            "validation_accuracy": float(hits.mean()),
        }


def _loaded(photos: Sequence[Photo], side_px: int, report: Report) -> _Loaded:
    def read(photo: Photo) -> SquareImage | None:
        source = photo.source
        least_side_px = round(side_px * images.DECODE_MARGIN)
        try:
            image = images.load(source.path, root=source.root, min_side_px=least_side_px)
        except ImageRejected:
            return None
        return images.squared(image, side_px)

    batches = [photos[start : start + BATCH_SIZE] for start in range(0, len(photos), BATCH_SIZE)]
    stack = np.empty((len(photos), side_px, side_px, 3), np.uint8)
    kept: list[Photo] = []
    for part, found in made_ahead(batches, read):
        for photo, image in zip(part, found, strict=True):
            if image is not None:
                stack[len(kept)] = image
                kept.append(photo)
        report(Progress("Reading the photos", len(kept), len(photos)))
    return _Loaded(stack[: len(kept)], labels_of(kept))
