"""What a backbone promises: pooled features of photos, quickly, and itself as a Keras model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

# Not typing's: before Python 3.12 its isinstance reads `info`, which may load a network.
from typing_extensions import Protocol, runtime_checkable

from cleaner.arrays import Features, ImageBatch
from cleaner.errors import BackboneError, WeightsUnavailable

if TYPE_CHECKING:
    import keras

OFFLINE_NAMES = (
    "efficientnet_lite0",
    "efficientnet_lite2",
    "mobilenet_v2_1.0_224",
    "mobilenet_v1_1.0_224",
)


@dataclass(frozen=True, slots=True)
class BackboneInfo:
    """What a person wants to know before choosing; a number is None until the weights are read."""

    name: str
    input_side_px: int
    feature_count: int | None
    parameters: int | None
    multiply_adds: int | None
    licence: str
    source: str
    available: bool
    note: str = ""


@runtime_checkable
class Extractor(Protocol):
    """Turns photos into features. Not thread-safe: open one per thread."""

    def __call__(self, images: ImageBatch) -> Features:
        """Return one row of pooled features per photo.

        The photos are RGB, 0..255, at the backbone's native side. The same photo gives the same
        row, whatever else is in the batch. Raises ShapeError for another side.
        """
        ...


@runtime_checkable
class Backbone(Protocol):
    """A pretrained network without its classification top."""

    @property
    def info(self) -> BackboneInfo: ...

    @property
    def uses_gpu(self) -> bool:
        """Tell whether its extractor computes on a graphics card where there is one."""
        ...

    @property
    def content_id(self) -> str:
        """Name weights, preprocessing and runtime; features with equal ids are interchangeable."""
        ...

    def extractor(self) -> Extractor:
        """Open an extractor at the native input side.

        Raises WeightsUnavailable in one line when the weights cannot be had here.
        """
        ...

    def build(self, input_side_px: int | None = None) -> keras.Model:
        """Return a Keras model from raw 0..255 RGB to the pooled features, to be fine-tuned.

        Preprocessing is inside. Without a side the native one is taken. Loads TensorFlow.
        """
        ...


@runtime_checkable
class NamedByUser(Protocol):
    """A network that somebody named by path or handle; its content may change under its name."""

    @property
    def content_sha256(self) -> str:
        """Return the hash of its content, in hex; raises BackboneError for another than named."""
        ...


def weights_unavailable(name: str, reason: str) -> WeightsUnavailable:
    """Return the error for a network whose weights cannot be fetched, in one line."""
    first_line = next(iter(reason.strip().splitlines()), "no reason given")
    return WeightsUnavailable(
        f"Backbone {name!r}: its weights could not be fetched ({first_line}). "
        f"Available offline: {', '.join(OFFLINE_NAMES)}."
    )


def no_such_precision(name: str) -> BackboneError:
    """Return the error for int8 asked of a network that has none, in one line."""
    return BackboneError(
        f"Backbone {name!r} computes in float32 only; int8 is there for "
        f"{', '.join(OFFLINE_NAMES)}. Take --precision auto or float32."
    )
