"""A network named by path, with the weights that lie beside the repository where there are any."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cleaner.arrays import ImageBatch
from cleaner.backbones import open_backbone
from cleaner.errors import BackboneError, WeightsUnavailable

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

SHARED_WEIGHTS = Path(__file__).resolve().parents[3] / "shared" / "weights"
HUB_STYLE = SHARED_WEIGHTS / "hub_style_mobilenet_v2_035_224_feature_vector"
SAME_AS_KERAS_FILE = SHARED_WEIGHTS / "mobilenet_v2_0.35_224_notop.keras"

with_shared_weights = pytest.mark.skipif(
    not HUB_STYLE.exists(), reason="the further pretrained networks are not beside the repository"
)


def photos() -> ImageBatch:
    return np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), np.uint8)


@with_shared_weights
def test_a_hub_style_module_gives_the_features_of_the_network_in_it() -> None:
    module, network = open_backbone(str(HUB_STYLE)), open_backbone(f"{SAME_AS_KERAS_FILE}@-1..1")

    from_module = module.extractor()(photos())

    np.testing.assert_allclose(from_module, network.extractor()(photos()), atol=1e-4)
    assert module.info.input_side_px == 224
    assert module.info.feature_count == 1280
    assert module.info.available


@with_shared_weights
def test_a_hub_style_module_travels_inside_a_keras_file(tmp_path: Path) -> None:
    import keras

    built = open_backbone(str(HUB_STYLE)).build()
    built.save(tmp_path / "model.keras")

    loaded = keras.models.load_model(tmp_path / "model.keras")

    batch = photos().astype(np.float32)
    np.testing.assert_allclose(np.asarray(loaded(batch)), np.asarray(built(batch)), atol=1e-6)


@with_shared_weights
def test_the_range_of_values_is_part_of_the_content_id() -> None:
    plain, signed = open_backbone(str(HUB_STYLE)), open_backbone(f"{HUB_STYLE}@-1..1")

    assert plain.content_id == open_backbone(str(HUB_STYLE)).content_id
    assert plain.content_id != signed.content_id


@with_shared_weights
def test_a_module_of_one_side_refuses_another() -> None:
    with pytest.raises(BackboneError, match="side 224, not 96"):
        open_backbone(str(HUB_STYLE)).build(input_side_px=96)


def test_a_feature_map_is_averaged_over_the_picture(tmp_path: Path) -> None:
    import keras

    network = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Conv2D(5, 3)])
    network.save(tmp_path / "network.keras")
    batch = photos()[:, :16, :16]

    backbone = open_backbone(str(tmp_path / "network.keras"))
    features = backbone.extractor()(batch)

    maps = np.asarray(network(batch.astype(np.float32)))
    np.testing.assert_allclose(features, maps.mean(axis=(1, 2)), rtol=1e-4, atol=1e-3)
    assert backbone.info.input_side_px == 16
    assert backbone.info.feature_count == 5
    assert backbone.content_id == open_backbone(str(tmp_path / "network.keras")).content_id


def test_a_path_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    backbone = open_backbone(str(tmp_path / "nothing.keras"))

    with pytest.raises(WeightsUnavailable, match="it is not there") as caught:
        backbone.extractor()

    assert "\n" not in str(caught.value)
    assert not backbone.info.available


def test_a_folder_without_a_module_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match="not a TensorFlow SavedModel") as caught:
        open_backbone(str(tmp_path)).build()

    assert "\n" not in str(caught.value)


def test_a_keras_file_that_is_none_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "photo.keras").write_bytes(b"not a zip file")

    with pytest.raises(BackboneError, match="not a Keras model") as caught:
        open_backbone(str(tmp_path / "photo.keras")).build()

    assert "\n" not in str(caught.value)


def test_a_network_of_something_else_than_photos_is_refused(tmp_path: Path) -> None:
    import keras

    keras.Sequential([keras.Input((8,)), keras.layers.Dense(2)]).save(tmp_path / "table.keras")

    with pytest.raises(BackboneError, match="not one RGB photo"):
        open_backbone(str(tmp_path / "table.keras")).build()
