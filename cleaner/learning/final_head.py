"""The last layer of a final model, trained on cached bottlenecks before anything is fine-tuned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np

from cleaner.arrays import Labels, PredProbs, ViewFeatures
from cleaner.learning.lessons import class_weights
from cleaner.progress import Progress, Report
from cleaner.settings import TrainSettings

DROPOUT = 0.2
_LEARNING_RATE = 1e-3
_BATCH_SIZE = 32
# Large sets take larger steps, so that an epoch stays within this many.
_MOST_STEPS = 500
_STAGE = "Training the last layer"


@dataclass(frozen=True, slots=True)
class FinalHead:
    """A softmax layer and how it came about.

    Attributes:
        kernel: (feature, class), float32.
        bias: (class,), float32.
        history: name -> one number an epoch.
    """

    kernel: np.ndarray
    bias: np.ndarray
    history: dict[str, list[float]]


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
    train: Featured, validation: Featured, settings: TrainSettings, report: Report
) -> FinalHead:
    """Return the layer with the least validation loss; without validation photos, the last one.

    The features are taken as they are: scaling them, each or all alike, with weights folded
    back into the layer, made no better one on three photo sets, nor a quicker one.
    """
    rows = train.features.reshape(-1, train.features.shape[2])
    class_count = train.wanted.shape[1]
    views = train.features.shape[0]
    weights = class_weights(train.labels, class_count, settings.class_weights)[train.labels]
    model = _compiled(rows.shape[1], class_count, settings.seed)
    callbacks: list[keras.callbacks.Callback] = [_Telling(report, settings.head_epochs)]
    watched = None
    if validation.labels.size:
        watched = (validation.features[0], validation.wanted)
        callbacks.append(
            keras.callbacks.EarlyStopping(patience=settings.patience, restore_best_weights=True)
        )
    history = model.fit(
        rows,
        np.tile(train.wanted, (views, 1)),
        sample_weight=np.tile(weights, views),
        batch_size=max(_BATCH_SIZE, len(rows) // _MOST_STEPS),
        epochs=settings.head_epochs,
        validation_data=watched,
        callbacks=callbacks,
        verbose=0,
    ).history
    kernel, bias = model.layers[-1].get_weights()
    return FinalHead(kernel, bias, named_history(history))


def named_history(history: dict[str, Sequence[float]]) -> dict[str, list[float]]:
    """Return Keras's history under the names this project uses."""
    return {
        name.replace("val_", "validation_"): [float(value) for value in values]
        for name, values in history.items()
    }


def _compiled(features: int, class_count: int, seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    layers = [
        keras.Input((features,)),
        keras.layers.Dropout(DROPOUT, seed=seed),
        keras.layers.Dense(class_count, activation="softmax"),
    ]
    model = keras.Sequential(layers)
    model.compile(
        keras.optimizers.Adam(_LEARNING_RATE),
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
        self._epoch = epoch + 1
        self._report(Progress(_STAGE, epoch + 1, self._epochs, _in_words(logs or {}), curves))


def _listed(logs: dict[str, float]) -> dict[str, Sequence[float]]:
    return {name: [value] for name, value in logs.items()}


def _in_words(logs: dict[str, float]) -> str:
    return f"loss {logs['loss']:.3f}" if "loss" in logs else ""
