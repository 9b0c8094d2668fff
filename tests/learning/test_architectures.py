"""Where a MobileNet's weights come from: shipped, fetched, in a file, or random."""

from __future__ import annotations

import urllib.error
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest

from cleaner.backbones.embedded import NETWORKS
from cleaner.backbones.keras_applications import KerasApplication, mobilenet
from cleaner.errors import UnknownBackbone, WeightsUnavailable
from cleaner.learning.architectures import open_architecture
from cleaner.settings import FROM_NOTHING

if TYPE_CHECKING:
    import keras

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::UserWarning:tensorflow"
)

NAME = "mobilenet_v1_0.25_32"


@pytest.fixture
def photos() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """A network of random weights that are all different from one another."""
    import keras

    keras.utils.set_random_seed(7)
    model = KerasApplication(NAME, mobilenet("v1", 0.25, 32)).build_untrained()
    rng = np.random.default_rng(7)
    model.set_weights([w + rng.uniform(0, 0.1, w.shape) for w in model.get_weights()])
    return model


@pytest.fixture(scope="module")
def with_top(network: keras.Model) -> keras.Model:
    import keras

    outputs = keras.layers.Dense(5, activation="softmax")(network.output)
    return keras.Model(network.inputs[0], outputs)


def features(name: str, folder: Path, weights: str, photos: np.ndarray) -> np.ndarray:
    return open_architecture(name, folder, weights=weights).extractor()(photos)


@pytest.mark.parametrize("file_name", ["net.keras", "net.weights.h5", "net.h5"])
@pytest.mark.filterwarnings("ignore::UserWarning")  # Keras finds .h5 old
def test_weights_come_from_a_file_of_any_kind(
    with_top: keras.Model, network: keras.Model, photos: np.ndarray, tmp_path: Path, file_name: str
) -> None:
    path = tmp_path / file_name
    save = with_top.save_weights if "weights" in file_name else with_top.save
    save(path)
    found = features(NAME, tmp_path, str(path), photos)
    expected = np.asarray(network(photos.astype(np.float32), training=False))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_a_model_in_a_model_gives_its_weights_too(
    network: keras.Model, photos: np.ndarray, tmp_path: Path
) -> None:
    import keras

    inputs = keras.Input((32, 32, 3))
    keras.Model(inputs, keras.layers.Dense(3)(network(inputs))).save(tmp_path / "final.keras")
    found = features(NAME, tmp_path, str(tmp_path / "final.keras"), photos)
    expected = np.asarray(network(photos.astype(np.float32), training=False))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_a_model_of_a_shipped_network_keeps_that_network_s_preprocessing(
    photos: np.ndarray, tmp_path: Path
) -> None:
    shipped = NETWORKS["mobilenet_v2_1.0_224"].build(32)
    shipped.save(tmp_path / "own.keras")
    weights = str(tmp_path / "own.keras")
    found = features("mobilenet_v2_1.0_32", tmp_path, weights, photos)
    expected = np.asarray(shipped(photos.astype(np.float32), training=False))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def of_another_width(folder: Path) -> Path:
    model = KerasApplication("wide", mobilenet("v1", 0.5, 32)).build_untrained()
    model.save(folder / "wide.keras")
    return folder / "wide.keras"


def of_no_model(folder: Path) -> Path:
    (folder / "text.h5").write_text("not a model")
    return folder / "text.h5"


def of_an_empty_archive(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "empty.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    return folder / "empty.keras"


def with_a_link_out(folder: Path) -> Path:
    with h5py.File(folder / "link.weights.h5", "w") as file:
        file["layers"] = h5py.ExternalLink("/etc/hostname", "/")
    return folder / "link.weights.h5"


def nowhere(folder: Path) -> Path:
    return folder / "nowhere.keras"


@pytest.mark.parametrize(
    "make", [of_another_width, of_no_model, of_an_empty_archive, with_a_link_out, nowhere]
)
def test_what_holds_no_such_weights_is_one_clear_line(make: object, tmp_path: Path) -> None:
    assert callable(make)
    path = make(tmp_path)
    with pytest.raises(WeightsUnavailable) as caught:
        open_architecture(NAME, tmp_path, weights=str(path)).build()
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_weights_of_a_test_folder_are_read(shared: Path, tmp_path: Path) -> None:
    file = str(shared / "weights" / "mobilenet_v1_0.25_128_top.keras")
    backbone = open_architecture("mobilenet_v1_0.25_64", tmp_path, weights=file)
    assert backbone.info.input_side_px == 64
    assert backbone.build().output_shape == (None, 256)


def test_random_weights_are_the_same_for_the_same_seed(tmp_path: Path) -> None:
    one, same, other = (
        open_architecture(NAME, tmp_path, weights=FROM_NOTHING, seed=seed) for seed in (0, 0, 1)
    )
    assert one.content_id == same.content_id != other.content_id
    first, again = one.build().get_weights()[0], same.build().get_weights()[0]
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other.build().get_weights()[0]).max() > 0


def test_a_width_that_nobody_published_names_the_ways_out(tmp_path: Path) -> None:
    with pytest.raises(WeightsUnavailable, match=r"nobody published.*--weights FILE.*none"):
        open_architecture("mobilenet_v3_small_0.5_96", tmp_path)


def test_weights_that_cannot_be_fetched_name_the_ways_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> None:
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr("keras.src.utils.file_utils.urlretrieve", refuse)
    monkeypatch.setattr("keras.src.utils.file_utils.config.keras_home", lambda: str(tmp_path))
    with pytest.raises(WeightsUnavailable, match=r"not be fetched.*--weights FILE") as caught:
        open_architecture("mobilenet_v3_small_0.75_96", tmp_path).build()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("version", ["v2", "v3_small"])
def test_each_version_is_built_at_any_width_and_side(version: str, tmp_path: Path) -> None:
    backbone = open_architecture(f"mobilenet_{version}_0.35_32", tmp_path, weights=FROM_NOTHING)
    model = backbone.build()
    assert model.input_shape == (None, 32, 32, 3)
    assert model.output_shape == (None, backbone.info.feature_count)


def test_an_unknown_architecture_is_told_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownBackbone, match=r"Near: .*mobilenet_v2_1\.0_224"):
        open_architecture("mobilenet_v2_1.0_220", tmp_path)
