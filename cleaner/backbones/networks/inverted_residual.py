"""EfficientNet-Lite and MobileNetV2: the same inverted residual block, stacked two ways.

References: Sandler et al., MobileNetV2, CVPR 2018; Tan and Le, EfficientNet, ICML 2019. The Lite
variants drop squeeze-and-excite, use ReLU6, and keep the stem and the head at one width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

CLASSES_IN_IMAGENET = 1000


@dataclass(frozen=True, slots=True)
class Stage:
    """Blocks of one width; only the first of them has the stride."""

    expansion: int
    kernel: int
    stride: int
    filters: int
    blocks: int


@dataclass(frozen=True, slots=True)
class Architecture:
    """What tells one stack of inverted residual blocks from another."""

    name: str
    stages: tuple[Stage, ...]
    batch_norm_epsilon: float
    batch_norm_momentum: float
    symmetric_padding: (
        bool  # PyTorch pads a stride-2 convolution alike on all sides; TensorFlow not
    )


def _efficientnet_lite(
    name: str, filters: tuple[int, ...], blocks: tuple[int, ...]
) -> Architecture:
    expansions, kernels, strides = (
        (1, 6, 6, 6, 6, 6, 6),
        (3, 3, 5, 3, 5, 5, 3),
        (1, 2, 2, 2, 1, 2, 1),
    )
    stages = zip(expansions, kernels, strides, filters, blocks, strict=True)
    return Architecture(
        name=name,
        stages=tuple(Stage(*stage) for stage in stages),
        batch_norm_epsilon=1e-3,
        batch_norm_momentum=0.99,
        symmetric_padding=False,
    )


EFFICIENTNET_LITE0 = _efficientnet_lite(
    "efficientnet_lite0", (16, 24, 40, 80, 112, 192, 320), (1, 2, 2, 3, 3, 4, 1)
)
EFFICIENTNET_LITE2 = _efficientnet_lite(
    "efficientnet_lite2", (16, 24, 48, 88, 120, 208, 352), (1, 3, 3, 4, 4, 5, 1)
)
MOBILENET_V2 = Architecture(
    name="mobilenet_v2",
    stages=(
        Stage(expansion=1, kernel=3, stride=1, filters=16, blocks=1),
        Stage(expansion=6, kernel=3, stride=2, filters=24, blocks=2),
        Stage(expansion=6, kernel=3, stride=2, filters=32, blocks=3),
        Stage(expansion=6, kernel=3, stride=2, filters=64, blocks=4),
        Stage(expansion=6, kernel=3, stride=1, filters=96, blocks=3),
        Stage(expansion=6, kernel=3, stride=2, filters=160, blocks=3),
        Stage(expansion=6, kernel=3, stride=1, filters=320, blocks=1),
    ),
    batch_norm_epsilon=1e-5,
    batch_norm_momentum=0.9,
    symmetric_padding=True,
)


def build(
    architecture: Architecture,
    *,
    input_side_px: int,
    preprocessing: keras.layers.Layer,
    include_top: bool = False,
) -> keras.Model:
    """Return the network, with random weights, from raw 0..255 RGB to pooled features.

    With `include_top` it ends in ImageNet's 1000 probabilities instead.
    """
    import keras

    inputs = keras.Input((input_side_px, input_side_px, 3), name="image")
    layers = _Layers(architecture)
    outputs = preprocessing(inputs)
    outputs = layers.convolution(outputs, "stem", filters=32, kernel=3, stride=2)
    number = 0
    for stage in architecture.stages:
        for position in range(stage.blocks):
            stride = stage.stride if position == 0 else 1
            outputs = layers.block(outputs, f"block{number}", stage, stride)
            number += 1
    outputs = layers.convolution(outputs, "head", filters=1280, kernel=1, stride=1)
    outputs = keras.layers.GlobalAveragePooling2D(name="features")(outputs)
    if include_top:
        top = keras.layers.Dense(CLASSES_IN_IMAGENET, activation="softmax", name="predictions")
        outputs = top(outputs)
    return keras.Model(inputs, outputs, name=architecture.name)


class _Layers:
    """The three shapes of convolution, each followed by the architecture's normalisation."""

    def __init__(self, architecture: Architecture) -> None:
        self._architecture = architecture

    def block(self, inputs: Any, name: str, stage: Stage, stride: int) -> Any:
        import keras

        outputs = inputs
        if stage.expansion != 1:
            expanded = inputs.shape[-1] * stage.expansion
            outputs = self.convolution(
                outputs, f"{name}_expand", filters=expanded, kernel=1, stride=1
            )
        outputs = self._depthwise(outputs, f"{name}_depthwise", stage.kernel, stride)
        outputs = self._projection(outputs, f"{name}_project", stage.filters)
        if stride == 1 and inputs.shape[-1] == stage.filters:
            outputs = keras.layers.Add(name=f"{name}_add")([inputs, outputs])
        return outputs

    def convolution(self, inputs: Any, name: str, *, filters: int, kernel: int, stride: int) -> Any:
        import keras

        inputs, padding = self._pad(inputs, name, kernel, stride)
        layer = keras.layers.Conv2D(
            filters, kernel, stride, padding, use_bias=False, name=f"{name}_conv"
        )
        return self._relu6(self._normalised(layer(inputs), name), name)

    def _depthwise(self, inputs: Any, name: str, kernel: int, stride: int) -> Any:
        import keras

        inputs, padding = self._pad(inputs, name, kernel, stride)
        layer = keras.layers.DepthwiseConv2D(
            kernel, stride, padding, use_bias=False, name=f"{name}_conv"
        )
        return self._relu6(self._normalised(layer(inputs), name), name)

    def _projection(self, inputs: Any, name: str, filters: int) -> Any:
        import keras

        layer = keras.layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_conv")
        return self._normalised(layer(inputs), name)

    def _pad(self, inputs: Any, name: str, kernel: int, stride: int) -> tuple[Any, str]:
        import keras

        if not self._architecture.symmetric_padding or stride == 1:
            return inputs, "same"
        return keras.layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(inputs), "valid"

    def _normalised(self, inputs: Any, name: str) -> Any:
        import keras

        layer = keras.layers.BatchNormalization(
            epsilon=self._architecture.batch_norm_epsilon,
            momentum=self._architecture.batch_norm_momentum,
            name=f"{name}_bn",
        )
        return layer(inputs)

    @staticmethod
    def _relu6(inputs: Any, name: str) -> Any:
        import keras

        return keras.layers.ReLU(6.0, name=f"{name}_relu")(inputs)
