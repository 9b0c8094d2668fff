"""What every embedded backbone keeps; a new one joins by its name alone."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from cleaner.arrays import ImageBatch
from cleaner.backbones import backbone_names, open_backbone
from cleaner.backbones.base import OFFLINE_NAMES
from cleaner.errors import ShapeError

# TensorFlow and Keras warn of their own affairs; this project's warnings stay errors.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

every_backbone = pytest.mark.parametrize("name", OFFLINE_NAMES)
every_precision = pytest.mark.parametrize("precision", ["float32", "int8"])


def photos(side_px: int, count: int = 3) -> ImageBatch:
    """Return smooth coloured shapes with some grain, the same on every machine."""
    height, width = np.mgrid[0:side_px, 0:side_px] / side_px
    grain = np.random.default_rng(0)
    batch = []
    for number in range(count):
        waves = [
            np.sin(2 * np.pi * ((number + 1) * width + channel * height)) for channel in range(3)
        ]
        disc = (width - 0.5) ** 2 + (height - 0.4) ** 2 < 0.02 * (number + 1)
        photo = 128 + 70 * np.stack(waves, axis=-1) + 40 * disc[..., np.newaxis]
        photo += grain.integers(-12, 13, photo.shape)
        batch.append(np.clip(photo, 0, 255).astype(np.uint8))
    return np.stack(batch)


@every_backbone
@every_precision
def test_features_are_finite_float32_rows_of_the_promised_length(name: str, precision: str) -> None:
    backbone = open_backbone(name, precision)

    features = backbone.extractor()(photos(backbone.info.input_side_px))

    assert features.dtype == np.float32
    assert features.shape == (3, backbone.info.feature_count)
    assert np.isfinite(features).all()


@every_backbone
@every_precision
def test_a_photo_has_the_same_features_in_any_batch_and_any_extractor(
    name: str, precision: str
) -> None:
    backbone = open_backbone(name, precision)
    batch = photos(backbone.info.input_side_px)

    together = backbone.extractor()(batch)
    alone = backbone.extractor()(batch[2:])

    np.testing.assert_array_equal(together[2:], alone)


@every_backbone
@every_precision
def test_a_batch_that_is_a_strided_view_is_read_as_it_looks(name: str, precision: str) -> None:
    backbone = open_backbone(name, precision)
    extract = backbone.extractor()
    flipped = photos(backbone.info.input_side_px, count=1)[:, :, ::-1]

    np.testing.assert_array_equal(extract(flipped), extract(flipped.copy()))


@every_backbone
@every_precision
def test_no_photos_give_no_rows(name: str, precision: str) -> None:
    backbone = open_backbone(name, precision)

    features = backbone.extractor()(photos(backbone.info.input_side_px)[:0])

    assert features.shape == (0, backbone.info.feature_count)


@every_backbone
@every_precision
def test_photos_of_another_side_are_refused(name: str, precision: str) -> None:
    backbone = open_backbone(name, precision)

    with pytest.raises(ShapeError, match=r"reads photos of shape \(\d+, \d+, 3\)"):
        backbone.extractor()(photos(64))


@every_backbone
def test_int8_features_point_the_way_of_the_float_ones(name: str) -> None:
    batch = photos(open_backbone(name).info.input_side_px)
    exact, rounded = (open_backbone(name, p).extractor()(batch) for p in ("float32", "int8"))

    lengths = np.linalg.norm(exact, axis=1) * np.linalg.norm(rounded, axis=1)

    assert ((exact * rounded).sum(axis=1) / lengths).min() > 0.97
    assert rounded.min() >= 0


@every_backbone
def test_each_precision_has_features_of_its_own(name: str) -> None:
    exact, rounded, auto = (
        open_backbone(name, precision).content_id for precision in ("float32", "int8", "auto")
    )

    assert exact != rounded
    assert auto in (exact, rounded)


@every_backbone
def test_content_id_is_stable_and_belongs_to_one_backbone(name: str) -> None:
    others = {open_backbone(other).content_id for other in OFFLINE_NAMES if other != name}

    assert open_backbone(name).content_id == open_backbone(name).content_id
    assert open_backbone(name).content_id not in others


@every_backbone
def test_keras_model_gives_the_extractor_s_features(name: str) -> None:
    backbone = open_backbone(name)
    batch = photos(backbone.info.input_side_px)

    extracted = backbone.extractor()(batch)
    built = np.asarray(backbone.build()(batch.astype(np.float32), training=False))

    cosine = (extracted * built).sum(1) / np.linalg.norm(extracted, axis=1)
    assert (cosine / np.linalg.norm(built, axis=1)).min() > 0.999
    np.testing.assert_allclose(extracted, built, atol=0.15)


@every_backbone
def test_keras_model_takes_another_side_and_freezes_layer_by_layer(name: str) -> None:
    model = open_backbone(name).build(input_side_px=96)
    before = len(model.trainable_weights)

    model.layers[-10].trainable = False

    assert model.input_shape == (None, 96, 96, 3)
    assert len(model.layers) > 50
    assert len(model.trainable_weights) <= before


def test_listing_and_extracting_load_no_tensorflow() -> None:
    program = """
import sys
import numpy as np
from cleaner.backbones import list_backbones, open_backbone
info = list_backbones()[0]
photos = np.zeros((1, info.input_side_px, info.input_side_px, 3), np.uint8)
open_backbone(info.name).extractor()(photos)
loaded = {"tensorflow", "keras", "tensorflow_hub"} & set(sys.modules)
sys.exit(f"loaded {loaded}" if loaded else 0)
"""
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert finished.returncode == 0, finished.stderr


def test_offline_backbones_are_listed_first_and_available() -> None:
    assert backbone_names()[: len(OFFLINE_NAMES)] == OFFLINE_NAMES
    assert all(open_backbone(name).info.available for name in OFFLINE_NAMES)
