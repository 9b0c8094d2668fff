"""The model as .tflite files for phones and small computers, and for `cleaner.classifier`.

All of them take raw RGB photos as uint8 (batch, side, side, 3) and answer with one float32
probability a class. Size, range of values and labels stand in the file, where TensorFlow Lite's
own tools look for them: as metadata, and in a zip archive behind the model.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cleaner import nameplates
from cleaner.arrays import ImageBatch
from cleaner.errors import ExportError
from cleaner.exporters.base import LABELS_NAME, beside, label_lines
from cleaner.nameplates import Nameplate

if TYPE_CHECKING:
    import keras

FILE_NAME = "model.tflite"
FLOAT16_NAME = "model_float16.tflite"
INT8_NAME = "model_int8.tflite"


def export(
    model: keras.Model,
    class_names: Sequence[str],
    destination: Path,
    _photos: ImageBatch | None = None,
) -> None:
    """Write the model with float32 weights.

    Raises:
        ExportError: the destination is taken or cannot be written.
    """
    _write(flatbuffer(model), _plate(model, class_names, "float32"), class_names, destination)


def export_float16(
    model: keras.Model,
    class_names: Sequence[str],
    destination: Path,
    _photos: ImageBatch | None = None,
) -> None:
    """Write the model with float16 weights: half the size, probabilities off by about 0.001.

    Raises:
        ExportError: the destination is taken or cannot be written.
    """
    converted = flatbuffer(model, half_precision=True)
    _write(converted, _plate(model, class_names, "float16 weights"), class_names, destination)


def export_int8(
    model: keras.Model,
    class_names: Sequence[str],
    destination: Path,
    photos: ImageBatch | None = None,
) -> None:
    """Write the model in whole numbers from end to end: a quarter of the size, and the quickest.

    The ranges of its activations are those that the photos cause. Its probabilities go in steps
    of 1/256.

    Raises:
        ExportError: there are no photos, or the destination is taken or cannot be written.
    """
    if photos is None or not len(photos):
        raise ExportError("An int8 model is calibrated on photos of the dataset; there are none.")
    _write(quantized(model, photos), _plate(model, class_names, "int8"), class_names, destination)


def flatbuffer(model: keras.Model, *, half_precision: bool = False) -> bytes:
    """Return a model that takes float photos as TensorFlow Lite bytes that take uint8 photos."""
    import tensorflow

    converter = _converter(model, (None, *model.input_shape[1:]), tensorflow.uint8)
    if half_precision:
        converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tensorflow.float16]
    return bytes(converter.convert())


def quantized(model: keras.Model, photos: ImageBatch) -> bytes:
    """Return a model that takes float photos as TensorFlow Lite bytes that compute in int8."""
    import tensorflow

    def representative() -> Iterator[list[np.ndarray]]:
        for photo in photos:
            shown = photo[np.newaxis].astype(np.float32)
            # With black and white in it the step of the input is 1: photos go in as they are.
            shown[:, 0, :2] = [[0.0], [255.0]]
            yield [shown]

    converter = _converter(model, (1, *model.input_shape[1:]), tensorflow.float32)
    converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [tensorflow.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tensorflow.uint8
    return bytes(converter.convert())


def _converter(model: keras.Model, shape: tuple[int | None, ...], dtype: Any) -> Any:
    """Return what converts the network with its weights as constants.

    It answers bit for bit as one made from the Keras model, which TensorFlow would trace, save
    and load again at several times the cost.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    photos = tf.TensorSpec(shape, dtype, name="image")
    called = tf.function(
        lambda image: model(tf.cast(image, tf.float32), training=False), input_signature=[photos]
    )
    frozen = convert_variables_to_constants_v2(
        called.get_concrete_function(), lower_control_flow=False
    )
    # The module is empty, but without one the file has no signature to be called by.
    return tf.lite.TFLiteConverter.from_concrete_functions([frozen], tf.Module())


def _plate(model: keras.Model, class_names: Sequence[str], kind: str) -> Nameplate:
    return Nameplate(
        name="Image classifier",
        description=f"Tells {len(class_names)} classes apart ({kind}).",
        side_px=int(model.input_shape[1]),
        labels_file=LABELS_NAME,
    )


def _write(
    converted: bytes, plate: Nameplate, class_names: Sequence[str], destination: Path
) -> None:
    with beside(destination) as partial:
        partial.write_bytes(nameplates.put_on(converted, plate))
        with zipfile.ZipFile(partial, "a") as archive:
            # A fixed time: equal models are equal files.
            archive.writestr(zipfile.ZipInfo(LABELS_NAME), label_lines(class_names))
