"""A pretrained network that is trained on the images themselves, from its first weights each time.

One network serves all folds: TensorFlow keeps the memory of each one it has built.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cleaner.arrays import Features, ImageBatch, PredProbs
from cleaner.backbones.base import Backbone
from cleaner.learning import devices
from cleaner.learning.final_head import DROPOUT, FinalHead
from cleaner.learning.finetune import unfreeze

LABEL_SMOOTHING = 0.1

# What judges is the running mean of the weights, over about this many of the last steps: after
# one epoch it finds as many errors as the weights themselves find after two, and it wavers less.
AVERAGED_STEPS = 50


@dataclass(frozen=True, slots=True)
class Shape:
    """What network is built, and what of it is trained.

    Attributes:
        side_px: of its input.
        class_count: of its output.
        fraction: how much of it, from the top, is unfrozen, 0..1.
    """

    side_px: int
    class_count: int
    fraction: float


class TunedNetwork:
    """The network, its optimizer, and the running mean of its weights."""

    def __init__(self, backbone: Backbone, shape: Shape) -> None:
        self._base = backbone.build(shape.side_px)
        unfreeze(self._base, shape.fraction)
        # In float32 also where the rest computes in half precision.
        self._top = keras.layers.Dense(shape.class_count, dtype="float32", name="top")
        self._top.build((None, self._base.output_shape[-1]))
        self._class_count = shape.class_count
        trained = [*self._base.trainable_variables, *self._top.trainable_variables]
        self._optimizer = devices.scaled(keras.optimizers.Adam())
        self._optimizer.build(trained)
        self._trained = [variable.value for variable in trained]
        self._variables = trained
        self._means = [tf.Variable(value) for value in self._trained]
        self._pretrained = [value.numpy() for value in self._trained]
        self._rested = [np.array(variable.numpy()) for variable in self._optimizer.variables]
        self._compiled_step = tf.function(self._step, reduce_retracing=True)
        self._compiled_features = tf.function(self._features, reduce_retracing=True)
        self._compiled_probs = tf.function(self._probs, reduce_retracing=True)

    def begin(self, head: FinalHead) -> None:
        """Go back to the pretrained weights, with a last layer trained on frozen features."""
        self.restore(
            {
                "weights": [*self._pretrained[:-2], head.kernel, head.bias],
                "means": [*self._pretrained[:-2], head.kernel, head.bias],
                "optimizer": self._rested,
            }
        )

    def state(self) -> dict[str, list[np.ndarray]]:
        """Return all that the next step depends on."""
        return {
            "weights": [np.array(value.numpy()) for value in self._trained],
            "means": self.means(),
            "optimizer": [np.array(v.numpy()) for v in self._optimizer.variables],
        }

    def restore(self, state: dict[str, list[np.ndarray]]) -> None:
        """Go back to an earlier state."""
        _assign(self._trained, state["weights"])
        _assign(self._means, state["means"])
        _assign(self._optimizer.variables, state["optimizer"])

    def means(self) -> list[np.ndarray]:
        """Return the running mean of the weights."""
        return [np.array(mean.numpy()) for mean in self._means]

    @contextmanager
    def judging_with(self, weights: Sequence[np.ndarray]) -> Iterator[None]:
        """Predict with these weights inside the block, and go on with the present ones after it."""
        present = [np.array(value.numpy()) for value in self._trained]
        _assign(self._trained, weights)
        try:
            yield
        finally:
            _assign(self._trained, present)

    def step(
        self, photos: ImageBatch, labels: np.ndarray, *, rate: float, seed: Sequence[int]
    ) -> float:
        """Take one step down the loss of a batch, and return that loss."""
        self._optimizer.learning_rate = rate
        wanted = np.eye(self._class_count, dtype=np.float32)[labels]
        return float(self._compiled_step(photos, wanted, tf.constant(seed, tf.int64)))

    def features(self, photos: ImageBatch) -> Features:
        """Return what the network without its last layer makes of photos, (item, feature)."""
        return np.asarray(self._compiled_features(photos).numpy(), np.float32)

    def probs(self, photos: ImageBatch) -> PredProbs:
        """Return (item, class)."""
        return np.asarray(self._compiled_probs(photos).numpy())

    def _step(self, photos: Any, wanted: Any, seed: Any) -> Any:
        with tf.GradientTape() as tape:
            # Stateless, so that a run that was killed goes on as if it had not been.
            features = self._features(photos)
            features = tf.nn.experimental.stateless_dropout(features, DROPOUT, seed)
            losses = keras.losses.categorical_crossentropy(
                wanted, self._top(features), from_logits=True, label_smoothing=LABEL_SMOOTHING
            )
            loss = tf.reduce_mean(losses)
            # Half precision would round small gradients to nothing.
            scaled = self._optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, self._trained)
        self._optimizer.apply(gradients, self._variables)
        done = tf.cast(self._optimizer.iterations, tf.float32)
        # At first the mean goes over fewer steps, or it would hold on to the pretrained weights.
        share = tf.maximum(1 / AVERAGED_STEPS, 9 / (10 + done))
        for mean, value in zip(self._means, self._trained, strict=True):
            mean.assign_add(share * (value - mean))
        return loss

    def _features(self, photos: Any) -> Any:
        # training=False keeps the batch statistics of the pretraining: a few hundred photos would
        # spoil them. It holds only in a call of its own; in a nested model Keras replaces it with
        # the outer model's mode.
        features = self._base(tf.cast(photos, tf.float32), training=False)
        return tf.cast(features, tf.float32)

    def _probs(self, photos: Any) -> Any:
        return tf.nn.softmax(tf.cast(self._top(self._features(photos)), tf.float32))


def _assign(variables: Sequence[Any], values: Sequence[np.ndarray]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
