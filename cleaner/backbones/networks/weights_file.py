"""The weights of a network from a file somebody names, read as numbers: no code in it is run.

A .keras archive or a .weights.h5 as Keras 3 writes them, or an .h5 of earlier Keras such as those
of keras.applications; whole models and those with a top of other classes will do.
"""

from __future__ import annotations

import contextlib
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cleaner.errors import WeightsUnavailable

if TYPE_CHECKING:
    import keras

SUFFIXES = (".keras", ".h5")
# What of a MobileNet has weights, under the names that Keras 3 gives classes in its files.
_KINDS = {
    "Conv2D": "conv2d",
    "DepthwiseConv2D": "depthwise_conv2d",
    "BatchNormalization": "batch_normalization",
}
_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"


def load(model: keras.Model, path: Path) -> None:
    """Set every weight of the model from the file, which may hold more, such as a top.

    Raises:
        WeightsUnavailable: the file cannot be read, or holds the weights of another network.
    """
    layers = [layer for layer in model.layers if layer.weights]
    try:
        with _opened(path) as file:
            for layer, stored in zip(layers, _matched(layers, file), strict=True):
                layer.set_weights(_values(layer, stored))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, RuntimeError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise WeightsUnavailable(
            f"{path}: these are no weights of {model.name} ({reason}). Name a .keras, .weights.h5 "
            "or .h5 file of a network of this version and width."
        ) from error


def has_layer(path: Path, name: str) -> bool:
    """Tell whether a .keras archive says that there is a layer of this name in it."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return _CONFIG in archive.namelist() and f'"{name}"'.encode() in archive.read(_CONFIG)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import h5py

    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            content = io.BytesIO(archive.read(_WEIGHTS))
    else:
        content = io.BytesIO(path.read_bytes())
    with h5py.File(content, "r") as file:
        yield file


def _matched(layers: Sequence[Any], file: Any) -> list[list[Any]]:
    """Return the stored arrays of each layer, not yet read."""
    root = file.get("model_weights", file)
    if "layer_names" in root.attrs:
        return _of_earlier_keras(layers, root)
    found: dict[str, list[list[Any]]] = {kind: [] for kind in _KINDS.values()}
    _gather(root["layers"], found)
    in_order = {kind: iter(stored) for kind, stored in found.items()}
    return [next(in_order[_KINDS[type(layer).__name__]], []) for layer in layers]


def _gather(group: Any, found: dict[str, list[list[Any]]]) -> None:
    """Collect arrays by kind of layer: `conv2d`, `conv2d_1`, ..., also of models in the model."""

    def number(name: str) -> tuple[str, int]:
        match = re.fullmatch(r"(.*?)(?:_(\d+))?", name)
        return (match[1], int(match[2] or 0)) if match else (name, 0)

    for name in sorted(group, key=number):
        entry = _inside(group, name)
        kind = number(name)[0]
        if "layers" in entry:
            _gather(_inside(entry, "layers"), found)
        elif kind in found:
            variables = _inside(entry, "vars")
            found[kind].append([_inside(variables, key) for key in sorted(variables, key=int)])


def _of_earlier_keras(layers: Sequence[Any], root: Any) -> list[list[Any]]:
    stored: dict[str, list[Any]] = {}
    for name in _texts(root.attrs["layer_names"]):
        group = _inside(root, name)
        arrays = [_within(group, path) for path in _texts(group.attrs["weight_names"])]
        if arrays:
            stored[name] = arrays
    by_name = [stored.get(layer.name) for layer in layers]
    if None not in by_name:
        return [arrays for arrays in by_name if arrays is not None]
    in_order = iter(stored.values())  # the layers were named by their numbers
    return [next(in_order, []) for _ in layers]


def _texts(values: Iterable[Any]) -> list[str]:
    return [v.decode("utf-8") if isinstance(v, bytes) else str(v) for v in values]


def _within(group: Any, path: str) -> Any:
    for name in path.split("/"):
        group = _inside(group, name)
    return group


def _inside(group: Any, name: str) -> Any:
    """Return a member that lies in this very file: a link may lead to any file of the disk."""
    import h5py

    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise ValueError(f"{name!r} is a link, or not there")
    found = group[name]
    if isinstance(found, h5py.Dataset) and (found.external or found.is_virtual):
        raise ValueError(f"{name!r} lies in another file")
    return found


def _values(layer: Any, stored: Sequence[Any]) -> list[np.ndarray]:
    # Before they are read: a small file may claim arrays that no memory holds.
    found, expected = [v.shape for v in stored], [tuple(v.shape) for v in layer.weights]
    if found != expected:
        raise ValueError(f"layer {layer.name} has {expected}, the file {found or 'nothing'}")
    return [np.asarray(values[()], np.float32) for values in stored]
