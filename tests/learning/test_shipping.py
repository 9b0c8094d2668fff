"""A format that answers otherwise than the network does is not kept, and says so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from cleaner.learning import shipping

if TYPE_CHECKING:
    import keras

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


def _network() -> keras.Model:
    """Tell bright photos from dark ones, by weights that are one and the same in half precision."""
    import keras

    photos = keras.Input((16, 16, 3), name="image")
    colours = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(photos))
    top = keras.layers.Dense(2, activation="softmax", name="probabilities")
    model = keras.Model(photos, top(colours))
    top.set_weights([np.array([[1000, 1000.2]] * 3), np.array([0, -0.3])])
    return model


def test_a_file_whose_rounded_weights_change_labels_is_left_out(tmp_path: Path) -> None:
    photos = np.stack([np.full((16, 16, 3), light, np.uint8) for light in range(0, 256, 15)])
    proofs = shipping.Proofs(photos, photos)
    formats = ("keras", "tflite", "tflite_float16")
    shipped = shipping.ship(
        _network(), ["dark", "bright"], tmp_path / "model", proofs, lambda _: None, formats
    )
    assert set(shipped.agreement) == {"keras", "tflite"}
    assert not (tmp_path / "model" / "model_float16.tflite").exists()
    assert "tflite_float16 file was left out" in shipped.notes[0]
