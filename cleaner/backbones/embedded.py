"""The networks whose weights ship with Cleaner: features by LiteRT, fine-tuning by Keras."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from cleaner.arrays import FeatureMap, Features, ImageBatch, SquareImage
from cleaner.backbones.base import BackboneInfo
from cleaner.backbones.networks import inverted_residual, mobilenet_v1, weights
from cleaner.errors import ShapeError, WeightsUnavailable

if TYPE_CHECKING:
    import keras

# All these networks halve the picture five times.
CELL_PX = 32
_SHIPPED_WEIGHTS = Path(__file__).resolve().parent.parent.parent / "data" / "weights"


@runtime_checkable
class Architecture(Protocol):
    """Makes a Keras model from raw 0..255 RGB to pooled features, with random weights."""

    def __call__(
        self, *, input_side_px: int, preprocessing: keras.layers.Layer, include_top: bool
    ) -> keras.Model: ...


@dataclass(frozen=True, slots=True)
class Network:
    """An architecture with its preprocessing; the manifest holds what is known of its weights.

    `ranks_as_well_in_int8` is measured: the average precision of the ranking falls by at most
    half a point on each dataset of docs/benchmarks.md.
    """

    name: str
    input_side_px: int
    preprocessing_in_words: str
    preprocessing: Callable[[], keras.layers.Layer]
    architecture: Architecture
    ranks_as_well_in_int8: bool

    def build(self, input_side_px: int, *, include_top: bool = False) -> keras.Model:
        """Return the Keras model with random weights, with ImageNet's classes on top if asked."""
        return self.architecture(
            input_side_px=input_side_px,
            preprocessing=self.preprocessing(),
            include_top=include_top,
        )


class EmbeddedBackbone:
    """One network of data/weights, computing in one precision."""

    uses_gpu = False

    def __init__(self, name: str, precision: str = "float32") -> None:
        self._network = NETWORKS[name]
        if precision == "auto":
            precision = "int8" if self._network.ranks_as_well_in_int8 else "float32"
        self._precision = precision

    @property
    def info(self) -> BackboneInfo:
        """Return the manifest's facts; where a file is missing, the note says which."""
        name = self._network.name
        try:
            entry = _manifest_entry(name)
            note = _missing_files(name)
        except WeightsUnavailable as error:
            entry, note = {}, str(error)
        return BackboneInfo(
            name=name,
            input_side_px=self._network.input_side_px,
            feature_count=entry.get("feature_count"),
            parameters=entry.get("parameters"),
            multiply_adds=entry.get("multiply_adds"),
            licence=entry.get("licence", "unknown"),
            source=entry.get("source", "unknown"),
            available=not note,
            note=note,
        )

    @property
    def content_id(self) -> str:
        """Name the file that computes, which differs between the precisions, and the runtime."""
        name = self._network.name
        digest = _manifest_entry(name)["sha256"][self._flatbuffer]
        return f"{name}-{digest[:16]}-litert-{version('ai-edge-litert')}"

    def extractor(self) -> LiteRTExtractor:
        return LiteRTExtractor(_verified(self._network.name, self._flatbuffer))

    def mapper(self) -> LiteRTMapper:
        """Open what returns the last feature map instead of its mean; raises as `extractor`."""
        return LiteRTMapper(_verified(self._network.name, self._flatbuffer))

    def build(self, input_side_px: int | None = None) -> keras.Model:
        path = _verified(self._network.name, f"{self._network.name}.npz")
        model = self._network.build(input_side_px or self._network.input_side_px)
        weights.load(model, path)
        return model

    @property
    def _flatbuffer(self) -> str:
        suffix = ".int8.tflite" if self._precision == "int8" else ".tflite"
        return f"{self._network.name}{suffix}"


class LiteRTExtractor:
    """Runs a network photo by photo on one thread.

    A batch of one is fastest, and several extractors in as many threads run side by side: LiteRT
    lets go of the interpreter lock while it computes.
    """

    def __init__(self, path: Path) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(model_path=str(path), num_threads=1)
        self._interpreter.allocate_tensors()
        (self._input,) = self._interpreter.get_input_details()
        (self._output,) = self._interpreter.get_output_details()

    def __call__(self, images: ImageBatch) -> Features:
        """Return one row of features per photo."""
        expected = tuple(self._input["shape"][1:].tolist())
        if images.shape[1:] != expected:
            raise ShapeError(
                f"The network reads photos of shape {expected}; these have {images.shape[1:]}."
            )
        features = np.empty((len(images), self._output["shape"][-1]), np.float32)
        for row, image in zip(features, images, strict=True):
            photo = image[np.newaxis].astype(self._input["dtype"], copy=False)
            self._interpreter.set_tensor(self._input["index"], photo)
            self._interpreter.invoke()
            row[:] = self._interpreter.get_tensor(self._output["index"])[0]
        return features


class LiteRTMapper:
    """Runs a network on one photo and returns the map whose mean over all cells is the features.

    Cells lie `CELL_PX` apart about the middle of the photo.
    """

    def __init__(self, path: Path) -> None:
        from ai_edge_litert.interpreter import Interpreter

        with warnings.catch_warnings():
            # It warns that this takes memory: one photo's tensors, a few megabytes.
            warnings.simplefilter("ignore", UserWarning)
            self._interpreter = Interpreter(
                model_path=str(path), num_threads=1, experimental_preserve_all_tensors=True
            )
        self._interpreter.allocate_tensors()
        (self._input,) = self._interpreter.get_input_details()
        (output,) = self._interpreter.get_output_details()
        self._map = max(
            tensor["index"]
            for tensor in self._interpreter.get_tensor_details()
            if len(tensor["shape"]) == 4
            and tensor["shape"][-1] == output["shape"][-1]
            and tensor["shape"][1] > 1
            and tensor["dtype"] == np.float32
        )

    def __call__(self, image: SquareImage) -> FeatureMap:
        """Return (row, column, feature), 0 or more."""
        photo = image[np.newaxis].astype(self._input["dtype"], copy=False)
        self._interpreter.set_tensor(self._input["index"], photo)
        self._interpreter.invoke()
        found: FeatureMap = self._interpreter.get_tensor(self._map)[0]
        return found


def weights_folder() -> Path:
    """Return where the shipped weights lie: CLEANER_WEIGHTS, or data/weights beside the package."""
    return Path(os.environ.get("CLEANER_WEIGHTS") or _SHIPPED_WEIGHTS)


def imagenet_top(name: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the layer that tells ImageNet's classes apart: (feature, class) and (class,).

    Raises:
        WeightsUnavailable: the network came without it, or the file is not there.
    """
    if name not in NETWORKS or not _manifest_entry(name).get("imagenet_top"):
        having = [known for known in NETWORKS if _manifest_entry(known).get("imagenet_top")]
        raise WeightsUnavailable(
            f"Network {name!r}: the layer for ImageNet's classes is not here. Take one of "
            f"{', '.join(having)}."
        )
    with np.load(_verified(name, f"{name}.npz"), allow_pickle=False) as arrays:
        kernel, bias = arrays["predictions/kernel"], arrays["predictions/bias"]
        return kernel.astype(np.float32), bias.astype(np.float32)


def _manifest_entry(name: str) -> dict[str, Any]:
    path = weights_folder() / "manifest.json"
    try:
        return dict(_manifest(path)[name])
    except (OSError, ValueError, KeyError) as error:
        raise WeightsUnavailable(
            f"Backbone {name!r}: {path} does not describe it ({type(error).__name__}). "
            "Set CLEANER_WEIGHTS to the folder data/weights of a complete copy."
        ) from error


@cache
def _manifest(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _missing_files(name: str) -> str:
    missing = [
        str(weights_folder() / file_name)
        for file_name in _manifest_entry(name)["sha256"]
        if not (weights_folder() / file_name).is_file()
    ]
    return f"missing: {', '.join(missing)}" if missing else ""


def _verified(name: str, file_name: str) -> Path:
    path = weights_folder() / file_name
    expected = _manifest_entry(name)["sha256"][file_name]
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise WeightsUnavailable(
            f"Backbone {name!r}: {path} cannot be read ({error.strerror}). "
            "Set CLEANER_WEIGHTS to the folder data/weights of a complete copy."
        ) from error
    if found != expected:
        raise WeightsUnavailable(
            f"Backbone {name!r}: {path} is not the file in the manifest "
            f"(sha256 {found[:16]}, expected {expected[:16]}). Copy data/weights anew."
        )
    return path


def _centred_on_127() -> keras.layers.Layer:
    import keras

    return keras.layers.Rescaling(1 / 128, offset=-127 / 128, name="preprocessing")


def _from_minus_one_to_one() -> keras.layers.Layer:
    import keras

    return keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="preprocessing")


def _imagenet_mean_and_deviation() -> keras.layers.Layer:
    import keras

    mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    return keras.layers.Normalization(
        mean=[255 * value for value in mean],
        variance=[(255 * value) ** 2 for value in deviation],
        name="preprocessing",
    )


_NETWORKS = (
    Network(
        name="efficientnet_lite0",
        input_side_px=224,
        preprocessing_in_words="(x - 127) / 128",
        preprocessing=_centred_on_127,
        architecture=partial(inverted_residual.build, inverted_residual.EFFICIENTNET_LITE0),
        ranks_as_well_in_int8=True,
    ),
    Network(
        name="efficientnet_lite2",
        input_side_px=260,
        preprocessing_in_words="(x - 127) / 128",
        preprocessing=_centred_on_127,
        architecture=partial(inverted_residual.build, inverted_residual.EFFICIENTNET_LITE2),
        ranks_as_well_in_int8=True,
    ),
    Network(
        name="mobilenet_v2_1.0_224",
        input_side_px=224,
        preprocessing_in_words="(x / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)",
        preprocessing=_imagenet_mean_and_deviation,
        architecture=partial(inverted_residual.build, inverted_residual.MOBILENET_V2),
        ranks_as_well_in_int8=False,
    ),
    Network(
        name="mobilenet_v1_1.0_224",
        input_side_px=224,
        preprocessing_in_words="x / 127.5 - 1",
        preprocessing=_from_minus_one_to_one,
        architecture=mobilenet_v1.build,
        ranks_as_well_in_int8=False,  # not measured
    ),
)
NETWORKS: Mapping[str, Network] = {network.name: network for network in _NETWORKS}
