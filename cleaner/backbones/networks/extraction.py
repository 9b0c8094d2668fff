"""Any Keras model from raw RGB to features, run as an extractor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cleaner.arrays import Features, ImageBatch
from cleaner.errors import ShapeError

if TYPE_CHECKING:
    import keras

# As many as an image has views by default: a call with fewer pays for empty places. One size
# for all, so that a row is the same to the last bit whatever stands beside it.
PHOTOS_AT_ONCE = 4


class KerasExtractor:
    """Runs a model in batches of one fixed size, so that TensorFlow compiles it once."""

    def __init__(self, model: keras.Model) -> None:
        import tensorflow

        self._photo_shape = tuple(model.input_shape[1:])
        self._compiled = tensorflow.function(lambda photos: model(photos, training=False))

    def __call__(self, images: ImageBatch) -> Features:
        """Return one row of features per photo."""
        if images.shape[1:] != self._photo_shape:
            raise ShapeError(
                f"The network reads photos of shape {self._photo_shape}; "
                f"these have {images.shape[1:]}."
            )
        return np.concatenate(
            [
                self._features(images[start : start + PHOTOS_AT_ONCE])
                for start in range(0, max(len(images), 1), PHOTOS_AT_ONCE)
            ]
        )

    def _features(self, images: ImageBatch) -> Features:
        photos = np.zeros((PHOTOS_AT_ONCE, *self._photo_shape), np.float32)
        photos[: len(images)] = images
        return np.asarray(self._compiled(photos), np.float32)[: len(images)]
