"""A network's weights as one .npz of plain arrays, named layer/variable; reading runs no code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cleaner.errors import WeightsUnavailable

if TYPE_CHECKING:
    import keras


def save(model: keras.Model, path: Path) -> None:
    """Write the model's weights, kernels as float16, to an uncompressed .npz.

    Vectors stay float32: they are few, and a variance below 6e-5 would lose digits in float16.
    """
    arrays = {}
    for layer in model.layers:
        for variable in layer.weights:
            value = np.asarray(variable.numpy(), np.float32)
            halved = value.astype(np.float16) if value.ndim > 1 else value
            arrays[f"{layer.name}/{variable.name}"] = halved
    np.savez(path, allow_pickle=False, **arrays)


def load(model: keras.Model, path: Path) -> None:
    """Set every weight of the model from the file; the file may hold more, such as a top.

    Raises WeightsUnavailable, naming the file and the first array that is missing or misshapen.
    """
    with np.load(path, allow_pickle=False) as arrays:
        for layer in model.layers:
            if layer.weights:
                layer.set_weights([_value(layer, variable, arrays) for variable in layer.weights])


def _value(layer: Any, variable: Any, arrays: Any) -> NDArray[np.float32]:
    key, shape = f"{layer.name}/{variable.name}", tuple(variable.shape)
    found = arrays[key].shape if key in arrays else "nothing"
    if found != shape:
        raise WeightsUnavailable(
            f"{arrays.fid.name}: {key!r} should have shape {shape}, found {found}. "
            "Run scripts/convert_weights.py to write the file anew."
        )
    return np.asarray(arrays[key], np.float32)
