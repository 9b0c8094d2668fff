"""The step from 0..255 to the range of values a network was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


def layer(value_range: tuple[float, float]) -> keras.layers.Layer:
    """Return a layer that maps 0 to the range's low end and 255 to its high end."""
    import keras

    low, high = value_range
    return keras.layers.Rescaling((high - low) / 255, offset=low, name="preprocessing")
