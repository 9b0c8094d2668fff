"""A .keras file the user names, from raw RGB to a feature vector."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from cleaner.backbones.networks import rescaling
from cleaner.backbones.networks.saved_model import saved_model_layer_class
from cleaner.errors import BackboneError

if TYPE_CHECKING:
    import keras

_SIDE_WHERE_UNSTATED_PX = 224


def build(
    path: Path, value_range: tuple[float, float], input_side_px: int | None = None
) -> keras.Model:
    """Return a Keras model from raw 0..255 RGB to the file's output, pooled where it is a map.

    Code inside the file (a Lambda layer) is refused. Raises BackboneError where the file is no
    Keras model of photos, or reads another side than the one asked for.
    """
    import keras

    loaded = load(path)
    if len(loaded.inputs) != 1 or len(loaded.input_shape) != 4 or loaded.input_shape[-1] != 3:
        raise BackboneError(f"{path}: reads {loaded.input_shape}, not one RGB photo at a time.")
    side = loaded.input_shape[1] or input_side_px or _SIDE_WHERE_UNSTATED_PX
    if input_side_px not in (None, side):
        raise BackboneError(f"{path}: the model reads photos of side {side}, not {input_side_px}.")
    inputs = keras.Input((side, side, 3), name="image")
    network = keras.Model(loaded.inputs[0], loaded.outputs[0], name="network")
    outputs = network(rescaling.layer(value_range)(inputs))
    if len(outputs.shape) == 4:
        outputs = keras.layers.GlobalAveragePooling2D(name="features")(outputs)
    return keras.Model(inputs, outputs, name="keras_file")


def load(path: Path) -> keras.Model:
    """Return what the file holds; raises BackboneError where that is no model or has code."""
    import keras

    saved_model_layer_class()
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except (OSError, ValueError, TypeError, KeyError, zipfile.BadZipFile) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise BackboneError(f"{path}: not a Keras model that loads here ({reason}).") from error
