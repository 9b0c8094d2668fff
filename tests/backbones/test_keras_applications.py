"""Every name of keras.applications builds as its row says, and offline is one clear line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cleaner.backbones import NamedByUser, open_backbone, with_absolute_path
from cleaner.backbones.base import OFFLINE_NAMES
from cleaner.backbones.keras_applications import APPLICATIONS, UNSTATED, KerasApplication
from cleaner.backbones.networks.extraction import KerasExtractor
from cleaner.errors import BackboneError, ShapeError, WeightsUnavailable

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

# One of each preprocessing and of each table; the rest differ in numbers only.
SOME = ("VGG16", "DenseNet121", "EfficientNetV2B0", "MobileNet", "mobilenet_v2_0.35_96")


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("keras.src.utils.file_utils.urlretrieve", _refuse)
    monkeypatch.setattr("keras.src.utils.file_utils.config.keras_home", lambda: str(tmp_path))


def _refuse(*arguments: object) -> None:
    import urllib.error

    raise urllib.error.URLError("Name or service not known")


@pytest.mark.usefixtures("offline")
def test_weights_that_cannot_be_fetched_are_one_line_with_what_is_available(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(WeightsUnavailable) as caught:
        open_backbone("MobileNetV2").extractor()

    message = str(caught.value)
    assert "\n" not in message
    assert "'MobileNetV2'" in message
    assert "could not be fetched" in message
    assert all(name in message for name in OFFLINE_NAMES)
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("offline")
def test_info_says_that_weights_come_on_first_use() -> None:
    info = open_backbone("InceptionV3").info

    assert info.input_side_px == 299
    assert info.feature_count == 2048
    assert not info.available
    assert "first use" in info.note


def test_weights_in_the_keras_cache_count_as_available(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    file_name = "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"
    (tmp_path / "models" / file_name).touch()

    assert open_backbone("InceptionV3").info.available
    assert not open_backbone("InceptionResNetV2").info.available


@pytest.mark.parametrize("name", SOME)
def test_a_network_is_as_its_row_says(name: str) -> None:
    row = APPLICATIONS[name]

    model = KerasApplication(name).build_untrained()

    assert model.input_shape == (None, row.input_side_px, row.input_side_px, 3)
    assert model.output_shape == (None, row.feature_count)
    assert row.parameters in (None, model.count_params())


# How the name of a network begins, and where Keras keeps its preprocessing.
_MODULES = {
    "ConvNeXt": "convnext",
    "DenseNet": "densenet",
    "EfficientNetV2": "efficientnet_v2",
    "EfficientNetB": "efficientnet",
    "InceptionResNetV2": "inception_resnet_v2",
    "InceptionV3": "inception_v3",
    "MobileNetV2": "mobilenet_v2",
    "MobileNetV3": "mobilenet_v3",
    "MobileNet": "mobilenet",
    "NASNet": "nasnet",
    "ResNet": "resnet",
    "VGG16": "vgg16",
    "VGG19": "vgg19",
    "Xception": "xception",
}


def _module(name: str) -> str:
    function = APPLICATIONS[name].function or name
    if function.startswith("ResNet") and function.endswith("V2"):
        return "resnet_v2"
    return next(module for start, module in _MODULES.items() if function.startswith(start))


@pytest.mark.parametrize("name", APPLICATIONS)
def test_preprocessing_is_what_keras_does(name: str) -> None:
    import keras

    expected_by = getattr(keras.applications, _module(name)).preprocess_input
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 8, 8, 3)).astype(np.float32)

    found = np.asarray(APPLICATIONS[name].preprocess(pixels))

    np.testing.assert_allclose(found, expected_by(pixels.copy()), rtol=1e-4, atol=1e-4)


def test_the_large_networks_are_there_by_name_with_cost_and_licence() -> None:
    names = ["InceptionV3", "InceptionResNetV2", "NASNetLarge", "NASNetMobile", "ResNet50"]
    names += ["ResNet152V2", "EfficientNetB7", "EfficientNetV2S", "ConvNeXtTiny", "Xception"]
    for info in (open_backbone(name).info for name in names):
        assert info.parameters
        assert info.multiply_adds
        assert info.licence


@pytest.mark.parametrize(
    ("name", "licence"),
    [
        ("Xception", "MIT"),
        ("ResNet50", "MIT"),
        ("InceptionV3", "Apache-2.0"),
        ("NASNetMobile", "Apache-2.0"),
        ("mobilenet_v2_0.5_128", "Apache-2.0"),
        ("VGG16", "CC-BY-4.0"),
        ("DenseNet121", "BSD-3-Clause"),
        ("ResNet101", UNSTATED),
        ("ResNet50V2", UNSTATED),
        ("EfficientNetV2S", UNSTATED),
        ("mobilenet_v3-small_1.0_224", UNSTATED),
    ],
)
def test_a_licence_is_told_only_where_keras_states_it(name: str, licence: str) -> None:
    assert open_backbone(name).info.licence == licence


@pytest.fixture(scope="module")
def weights_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights as Keras publishes them: of the network alone, without preprocessing and pooling."""
    import keras

    path = tmp_path_factory.mktemp("weights") / "mobilenet_notop.weights.h5"
    keras.utils.set_random_seed(7)
    keras.applications.MobileNet((64, 64, 3), 0.25, include_top=False, weights=None).save_weights(
        path
    )
    return path


def test_weights_come_from_a_file(weights_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    photos = np.random.default_rng(0).integers(0, 256, (2, 128, 128, 3), np.uint8)
    monkeypatch.chdir(weights_file.parent)
    named = with_absolute_path(f"mobilenet_v1_0.25_128@{weights_file.name}")
    monkeypatch.chdir("/")
    backbone = open_backbone(named)

    features = backbone.extractor()(photos)

    plain = keras.applications.MobileNet((128, 128, 3), 0.25, include_top=False, weights=None)
    plain.load_weights(weights_file)
    maps = np.asarray(plain(photos.astype(np.float32) / 127.5 - 1, training=False))
    np.testing.assert_allclose(features, maps.mean(axis=(1, 2)), atol=1e-4)
    assert isinstance(backbone, NamedByUser)
    assert backbone.info.available
    assert backbone.content_sha256[:16] in backbone.content_id


def test_a_file_of_other_weights_is_one_line(weights_file: Path) -> None:
    with pytest.raises(BackboneError, match=r"not the weights of mobilenet_v1_0\.5_128") as caught:
        open_backbone(f"mobilenet_v1_0.5_128@{weights_file}").build()
    assert "\n" not in str(caught.value)
    with pytest.raises(BackboneError, match="not the weights you meant"):
        open_backbone(f"mobilenet_v1_0.25_128@{weights_file}#sha256={'0' * 64}").build()
    with pytest.raises(WeightsUnavailable, match="cannot be read"):
        open_backbone("InceptionV3@/nowhere.h5").build()


def test_a_keras_extractor_gives_the_same_row_whatever_the_batch() -> None:
    extract = KerasExtractor(KerasApplication("mobilenet_v2_0.35_96").build_untrained())
    photos = np.random.default_rng(0).integers(0, 256, (35, 96, 96, 3), np.uint8)

    features = extract(photos)

    assert features.shape == (35, 1280)
    np.testing.assert_allclose(features[33:], extract(photos[33:]), atol=1e-5)
    assert extract(photos[:0]).shape == (0, 1280)
    with pytest.raises(ShapeError):
        extract(np.zeros((1, 64, 64, 3), np.uint8))


def test_a_flipped_preprocessing_survives_a_keras_file(tmp_path: Path) -> None:
    import keras

    model = KerasApplication("VGG16").build_untrained(32)
    model.save(tmp_path / "vgg16.keras")
    photos = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3)).astype(np.float32)

    loaded = keras.models.load_model(tmp_path / "vgg16.keras")

    np.testing.assert_array_equal(np.asarray(loaded(photos)), np.asarray(model(photos)))
