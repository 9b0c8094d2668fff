"""The last layer of a final model, trained on cached bottlenecks before anything is fine-tuned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cleaner.arrays import Labels, PredProbs, ViewFeatures
from cleaner.learning.lessons import class_weights
from cleaner.learning.new_rows import Top
from cleaner.progress import PHASE, Progress, Report
from cleaner.settings import TrainSettings

DROPOUT = 0.2
_BATCH_SIZE = 32
# Large sets take larger steps, so that an epoch stays within this many.
_MOST_STEPS = 500
_MOMENTUM = 0.9
_STAGE = "Training the last layer"

# Told a step's number and the kernel and bias that it led to.
Keep = Callable[[int, np.ndarray, np.ndarray], None]


@dataclass(frozen=True, slots=True)
class FinalHead:
    """A softmax layer and how it came about.

    Attributes:
        kernel: (feature, class), float32.
        bias: (class,), float32.
        history: name -> one number an epoch, or a look at the validation photos.
        name: what the model's output is called.
    """

    kernel: np.ndarray
    bias: np.ndarray
    history: dict[str, list[float]]
    name: str = "probabilities"


@dataclass(frozen=True, slots=True)
class Featured:
    """Photos as bottlenecks.

    Attributes:
        features: (view, item, feature).
        labels: (item,), class indices.
        wanted: (item, class), what is to be answered.
    """

    features: ViewFeatures
    labels: Labels
    wanted: PredProbs


def train_head(
    train: Featured,
    validation: Featured,
    settings: TrainSettings,
    report: Report,
    keep: Keep | None = None,
    begin: Top | None = None,
) -> FinalHead:
    """Return the layer with the least validation loss; without validation photos, the last one.

    The features are taken as they are: scaling them, each or all alike, with weights folded
    back into the layer, made no better one on three photo sets, nor a quicker one.

    Args:
        train: what is learnt from.
        validation: decides which weights are kept, and with epochs also when to stop.
        settings: with `head_steps`, exactly so many steps are taken.
        report: told after each look at the validation photos.
        keep: called each `checkpoint_steps` steps, unless they are 0.
        begin: the layer to go on from; without it, random weights.
    """
    rows = train.features.reshape(-1, train.features.shape[2])
    class_count = train.wanted.shape[1]
    views = train.features.shape[0]
    weights = class_weights(train.labels, class_count, settings.class_weights)[train.labels]
    model = _compiled(rows.shape[1], class_count, settings)
    if begin is not None:
        model.layers[-1].set_weights([begin.kernel, begin.bias])
    learnt = (rows, np.tile(train.wanted, (views, 1)), np.tile(weights, views))
    course = _course(learnt, settings)
    callbacks = [_Telling(report, course["epochs"]), *_counting(settings, keep)]
    watched = None
    if validation.labels.size:
        watched = (validation.features[0], validation.wanted)
        # Who asked for steps gets them all, and then the best of what was looked at.
        patience = settings.patience if settings.head_steps is None else course["epochs"]
        callbacks.append(
            keras.callbacks.EarlyStopping(patience=patience, restore_best_weights=True)
        )
    history = model.fit(**course, validation_data=watched, callbacks=callbacks, verbose=0).history
    kernel, bias = model.layers[-1].get_weights()
    return FinalHead(kernel, bias, named_history(history), settings.output_name)


def named_history(history: dict[str, Sequence[float]]) -> dict[str, list[float]]:
    """Return Keras's history under the names this project uses."""
    return {
        name.replace("val_", "validation_"): [float(value) for value in values]
        for name, values in history.items()
    }


def _course(learnt: tuple[np.ndarray, ...], settings: TrainSettings) -> dict[str, Any]:
    """Return what Keras is to fit, and how long; an epoch ends with a look at the validation.

    Args:
        learnt: rows, what is to be answered, and a weight a row.
        settings: how many steps or epochs, and of what size.
    """
    row_count = len(learnt[0])
    batch_size = settings.head_batch_size or max(_BATCH_SIZE, row_count // _MOST_STEPS)
    if settings.head_steps is None:
        given = dict(zip(("x", "y", "sample_weight"), learnt, strict=True))
        return given | {"batch_size": batch_size, "epochs": settings.head_epochs}
    steps_per_check = settings.check_every_steps or -(-row_count // batch_size)
    return {
        "x": _endless(learnt, batch_size, settings.seed),
        "shuffle": False,  # it is shuffled
        "steps_per_epoch": min(steps_per_check, settings.head_steps),
        "epochs": -(-settings.head_steps // steps_per_check),
    }


def _endless(learnt: tuple[np.ndarray, ...], batch_size: int, seed: int) -> tf.data.Dataset:
    """Return full batches without end; each row comes once before any comes again."""
    order = tf.data.Dataset.range(len(learnt[0])).shuffle(len(learnt[0]), seed=seed)
    kept = [tf.constant(array) for array in learnt]
    return (
        order.repeat()
        .batch(batch_size, drop_remainder=True)
        .map(lambda chosen: tuple(tf.gather(array, chosen) for array in kept))
    )


def _counting(settings: TrainSettings, keep: Keep | None) -> list[keras.callbacks.Callback]:
    """Return what goes by the number of steps."""
    counting: list[keras.callbacks.Callback] = []
    if settings.head_steps is not None:
        counting.append(_Ending(settings.head_steps))
    if keep is not None and settings.checkpoint_steps:
        counting.append(_Keeping(keep, settings.checkpoint_steps))
    return counting


def _optimizer(settings: TrainSettings) -> keras.optimizers.Optimizer:
    rate = settings.head_learning_rate
    if settings.head_optimizer == "adam":
        return keras.optimizers.Adam(rate)
    return keras.optimizers.SGD(rate, momentum=_MOMENTUM * (settings.head_optimizer != "sgd"))


def _compiled(features: int, class_count: int, settings: TrainSettings) -> keras.Model:
    keras.utils.set_random_seed(settings.seed)
    layers = [
        keras.Input((features,)),
        keras.layers.Dropout(DROPOUT, seed=settings.seed),
        keras.layers.Dense(class_count, activation="softmax"),
    ]
    model = keras.Sequential(layers)
    model.compile(
        _optimizer(settings),
        keras.losses.CategoricalCrossentropy(),
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
    )
    return model


class _Telling(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Reports each epoch, and lets the report stop the training."""

    def __init__(self, report: Report, epochs: int) -> None:
        super().__init__()
        self._report = report
        self._epochs = epochs
        self._epoch = 0

    def on_train_batch_end(self, _batch: int, logs: dict[str, float] | None = None) -> None:
        self._report(Progress(_STAGE, self._epoch, self._epochs, _in_words(logs or {})))

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        curves = {name: values[0] for name, values in named_history(_listed(logs or {})).items()}
        curves |= {PHASE: 0.0}
        self._epoch = epoch + 1
        self._report(Progress(_STAGE, epoch + 1, self._epochs, _in_words(logs or {}), curves))


class _Ending(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Ends the training after so many steps, also within an epoch."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self._left = steps

    def on_train_batch_end(self, _batch: int, **_logs: object) -> None:
        self._left -= 1
        if self._left == 0:
            self.model.stop_training = True


class _Keeping(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Hands the layer out every so many steps."""

    def __init__(self, keep: Keep, every_steps: int) -> None:
        super().__init__()
        self._keep = keep
        self._every_steps = every_steps
        self._step = 0

    def on_train_batch_end(self, _batch: int, **_logs: object) -> None:
        self._step += 1
        if self._step % self._every_steps == 0:
            self._keep(self._step, *self.model.layers[-1].get_weights())


def _listed(logs: dict[str, float]) -> dict[str, Sequence[float]]:
    return {name: [value] for name, value in logs.items()}


def _in_words(logs: dict[str, float]) -> str:
    return f"loss {logs['loss']:.3f}" if "loss" in logs else ""
