"""The model as one .tflite file for phones and small computers, and for `cleaner.classifier`."""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cleaner.exporters.base import LABELS_NAME, beside, label_lines

if TYPE_CHECKING:
    import keras

FILE_NAME = "model.tflite"


def export(model: keras.Model, class_names: Sequence[str], destination: Path) -> None:
    """Write the model with float32 weights.

    It takes raw RGB photos as uint8 (batch, side, side, 3); the labels are packed inside, as a
    zip archive behind the model, where TensorFlow Lite's own tools look for them.

    Raises:
        ExportError: the destination is taken or cannot be written.
    """
    _write(flatbuffer(model), class_names, destination)


def export_float16(model: keras.Model, class_names: Sequence[str], destination: Path) -> None:
    """Write the model with float16 weights: half the size, probabilities off by about 0.001.

    Raises:
        ExportError: the destination is taken or cannot be written.
    """
    _write(flatbuffer(model, half_precision=True), class_names, destination)


def flatbuffer(model: keras.Model, *, half_precision: bool = False) -> bytes:
    """Return a model that takes float photos as TensorFlow Lite bytes that take uint8 photos."""
    import keras
    import tensorflow

    photos = keras.Input(model.input_shape[1:], dtype="uint8", name="image")
    outputs = model(keras.ops.cast(photos, "float32"))
    converter = tensorflow.lite.TFLiteConverter.from_keras_model(keras.Model(photos, outputs))
    if half_precision:
        converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tensorflow.float16]
    # Keras lists every variable on the standard output, where a caller may expect JSON.
    with contextlib.redirect_stdout(io.StringIO()):
        converted: bytes = converter.convert()
    return converted


def _write(flatbuffer: bytes, class_names: Sequence[str], destination: Path) -> None:
    with beside(destination) as partial:
        partial.write_bytes(flatbuffer)
        with zipfile.ZipFile(partial, "a") as archive:
            # A fixed time: equal models are equal files.
            archive.writestr(zipfile.ZipInfo(LABELS_NAME), label_lines(class_names))
