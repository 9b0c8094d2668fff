"""Any Keras model from raw RGB to features, run as an extractor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cleaner.arrays import Features, ImageBatch
from cleaner.errors import ShapeError

if TYPE_CHECKING:
    import keras

PHOTOS_AT_ONCE = 32


class KerasExtractor:
    """Runs a model on any number of photos; TensorFlow compiles it once for all of them."""

    def __init__(self, model: keras.Model) -> None:
        import tensorflow

        self._photo_shape = tuple(model.input_shape[1:])
        photos = tensorflow.TensorSpec((None, *self._photo_shape), tensorflow.float32)
        self._compiled = tensorflow.function(
            lambda photos: model(photos, training=False), input_signature=[photos]
        )

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
        return np.asarray(self._compiled(images.astype(np.float32)), np.float32)
