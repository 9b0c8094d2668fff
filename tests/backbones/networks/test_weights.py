"""Weights survive their file, and a file that does not fit is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cleaner.backbones.networks import weights
from cleaner.errors import WeightsUnavailable

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def network(filters: int = 4) -> Any:
    import keras

    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(filters, 3, name="conv"),
            keras.layers.BatchNormalization(name="bn"),
        ]
    )


def test_kernels_come_back_as_float16_and_vectors_exactly(tmp_path: Path) -> None:
    written, read = network(), network()
    written.get_layer("bn").set_weights([np.full(4, 1e-7, np.float32)] * 4)
    weights.save(written, tmp_path / "network.npz")

    weights.load(read, tmp_path / "network.npz")

    for before, after in zip(written.get_weights(), read.get_weights(), strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-3 if before.ndim > 1 else 0)


def test_the_same_weights_make_the_same_bytes(tmp_path: Path) -> None:
    written = network()
    weights.save(written, tmp_path / "first.npz")
    weights.save(written, tmp_path / "second.npz")

    assert (tmp_path / "first.npz").read_bytes() == (tmp_path / "second.npz").read_bytes()


def test_a_file_of_another_network_is_refused_by_name(tmp_path: Path) -> None:
    weights.save(network(filters=5), tmp_path / "five.npz")

    with pytest.raises(WeightsUnavailable, match=r"five\.npz: 'conv/kernel' should have shape"):
        weights.load(network(filters=4), tmp_path / "five.npz")
