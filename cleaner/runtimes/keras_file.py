"""A .keras file of a whole model, run by TensorFlow on all processors or on a graphics card."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cleaner.arrays import PredProbs
from cleaner.items import shown_path
from cleaner.runtimes.base import side_and_classes, unreadable


def open_model(path: Path) -> KerasFile:
    """Return what runs the file; code in it (a Lambda layer) is refused.

    Raises:
        ModelError: it is no Keras model, or does not turn RGB photos into labels.
    """
    import keras

    try:
        model = keras.models.load_model(path, compile=False, safe_mode=True)
    except (OSError, ValueError, TypeError, KeyError, zipfile.BadZipFile) as error:
        raise unreadable(path, "Keras", error) from error
    return KerasFile(model, shown_path(str(path)))


class KerasFile:
    """Runs photos in batches."""

    def __init__(self, model: Any, name: str) -> None:
        import tensorflow

        self.input_side_px, self.class_count = side_and_classes(
            name, model.input_shape, model.output_shape
        )
        photos = tensorflow.TensorSpec((None, *model.input_shape[1:]), tensorflow.float32)
        self._compiled = tensorflow.function(
            lambda batch: model(batch, training=False), input_signature=[photos]
        )

    def __call__(self, photos: Sequence[NDArray[np.uint8]]) -> PredProbs:
        """Return (item, class)."""
        if not len(photos):
            return np.empty((0, self.class_count), np.float32)
        probs: PredProbs = self._compiled(np.stack(photos).astype(np.float32)).numpy()
        return probs
