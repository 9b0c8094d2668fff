"""A small residual network for small pictures, trained from nothing.

Three stages that double the filters and halve the picture, the first and the last with a residual
block of two convolutions: the shape that learns CIFAR-10 in the fewest multiplications (Coleman et
al., DAWNBench, 2017, the entries by Page), at half its width, for processors instead of cards.

Reference: He, Zhang, Ren and Sun, Deep Residual Learning for Image Recognition, CVPR (2016).
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import keras

from cleaner import small_resnets
from cleaner.backbones.base import BackboneInfo, Extractor
from cleaner.errors import BackboneError

FILTERS = 32
# Keras's own 0.99 would take more steps to follow than a short training has.
_MOMENTUM = 0.9
_CALM = 0.125


class SmallResNet:
    """The network at one input side; it begins with random weights and has no features to cache.

    Args:
        name: such as ``small_resnet_32``; the number is the side in pixels.
        seed: of the random weights.

    Raises:
        UnknownBackbone: there is none of this side.
    """

    uses_gpu = False

    def __init__(self, name: str, seed: int = 0) -> None:
        self._name = name
        self._side_px = small_resnets.side_of(name)
        self._seed = seed

    @property
    def info(self) -> BackboneInfo:
        return BackboneInfo(
            name=self._name,
            input_side_px=self._side_px,
            feature_count=8 * FILTERS,
            parameters=None,
            multiply_adds=None,
            licence="none is needed",
            source="random weights",
            available=True,
        )

    @property
    def content_id(self) -> str:
        return f"{self._name}-random-{self._seed}-{version('keras')}"

    def extractor(self) -> Extractor:
        raise BackboneError(f"{self._name} knows nothing before it is trained.")

    def build(self, input_side_px: int | None = None) -> keras.Model:
        """Return the network with random weights, from raw 0..255 RGB to pooled features."""
        keras.utils.set_random_seed(self._seed)
        side_px = input_side_px or self._side_px
        photos = keras.Input((side_px, side_px, 3), name="image")
        outputs = keras.layers.Rescaling(1 / 255, name="preprocessing")(photos)
        # Each picture by itself to mean 0 and variance 1.
        standardise = keras.layers.LayerNormalization(
            axis=(1, 2, 3), center=False, scale=False, epsilon=1e-4, name="standardised"
        )
        outputs = _convolution(standardise(outputs), FILTERS, "stem")
        outputs = _residual(_halved(outputs, 2 * FILTERS, "stage1"), "stage1")
        outputs = _halved(outputs, 4 * FILTERS, "stage2")
        outputs = _residual(_halved(outputs, 8 * FILTERS, "stage3"), "stage3")
        outputs = keras.layers.GlobalMaxPooling2D(name="strongest")(outputs)
        # Else the last layer, which takes the same steps as the others, would overshoot.
        outputs = keras.layers.Rescaling(_CALM, name="features")(outputs)
        return keras.Model(photos, outputs, name="small_resnet")


def _convolution(inputs: Any, filters: int, name: str) -> Any:
    outputs = keras.layers.Conv2D(
        filters,
        3,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(inputs)
    outputs = keras.layers.BatchNormalization(momentum=_MOMENTUM, name=f"{name}_bn")(outputs)
    return keras.layers.ReLU(name=f"{name}_relu")(outputs)


def _halved(inputs: Any, filters: int, name: str) -> Any:
    outputs = _convolution(inputs, filters, name)
    return keras.layers.MaxPooling2D(name=f"{name}_pool")(outputs)


def _residual(inputs: Any, name: str) -> Any:
    filters = inputs.shape[-1]
    outputs = _convolution(inputs, filters, f"{name}_first")
    outputs = _convolution(outputs, filters, f"{name}_second")
    return keras.layers.Add(name=f"{name}_add")([inputs, outputs])
