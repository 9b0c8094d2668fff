"""MobileNetV1 as keras.applications defines it, from raw RGB.

Reference: Howard et al., MobileNets, 2017.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


def build(
    *, input_side_px: int, preprocessing: keras.layers.Layer, include_top: bool = False
) -> keras.Model:
    """Return the network, with random weights, from raw 0..255 RGB to pooled features.

    With `include_top` it ends in ImageNet's 1000 probabilities instead.
    """
    import keras

    inputs = keras.Input((input_side_px, input_side_px, 3), name="image")
    network = keras.applications.MobileNet(
        input_tensor=preprocessing(inputs),
        include_top=include_top,
        pooling="avg",
        weights=None,
    )
    # Keras wraps the input in a list, and would warn of every photo that comes without one.
    return keras.Model(inputs, network.output, name="mobilenet_v1")
