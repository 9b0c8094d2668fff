"""A module of TF-Hub as the network of a final model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cleaner import tasks
from cleaner.backbones import open_backbone
from cleaner.backbones.networks import saved_model
from cleaner.classifier import open_classifier
from cleaner.errors import BackboneError
from cleaner.progress import silent
from cleaner.project import Project
from cleaner.settings import TrainSettings
from tests.shapes import shape, write_shapes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


def _module(folder: Path, *, brighter: float = 1.0) -> Path:
    """Write a module whose features are the photo itself, 16 by 16 pixels."""
    import tensorflow as tf

    module = tf.Module()
    given = tf.TensorSpec((None, 16, 16, 3), tf.float32, name="inputs")
    module.call = tf.function(
        lambda inputs: {"default": tf.reshape(inputs * brighter, (-1, 768))},
        input_signature=[given],
    )
    tf.saved_model.save(module, str(folder), signatures=module.call)
    return folder


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    project = Project(write_shapes(tmp_path_factory.mktemp("data") / "shapes", each=16))
    project.scan()
    yield project
    project.store.close()


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _module(tmp_path_factory.mktemp("hub") / "module")


@pytest.fixture(scope="module")
def trained(shapes: Project, module: Path) -> Path:
    settings = TrainSettings(model=str(module), views=2, head_epochs=20, head_learning_rate=0.01)
    return Path(tasks.train(shapes, settings.as_json(), silent)["model"])


def test_a_module_becomes_a_model_and_its_hash_is_on_the_receipt(
    shapes: Project, module: Path, trained: Path
) -> None:
    (model,) = shapes.models()
    assert model.receipt["accuracy"] > 0.6
    assert model.receipt["weights"]["sha256"] == saved_model.content_sha256(module)
    assert model.receipt["epochs"]["fine_tuning"] == 0  # its weights are out of reach
    assert Path(model.folder) == trained


def test_the_model_of_a_module_answers_alike_in_every_format(trained: Path) -> None:
    import keras

    saved_model.saved_model_layer_class()
    photos = np.stack([np.asarray(shape("circle", n, side_px=16)) for n in (50, 51)])
    loaded = keras.models.load_model(trained / "model.keras", compile=False)
    expected = np.asarray(loaded(photos.astype(np.float32)))
    found = open_classifier(trained / "model.tflite").predict(list(photos))
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_a_module_that_has_changed_is_refused(shapes: Project, trained: Path, module: Path) -> None:
    kept = {path: path.read_bytes() for path in module.rglob("*") if path.is_file()}
    (module / "saved_model.pb").unlink()
    _module(module, brighter=2.0)
    assert open_backbone(str(module)).info.available
    with pytest.raises(BackboneError, match="has changed since this project first used it"):
        tasks.train(shapes, TrainSettings(model=str(module)).as_json(), silent)
    for path, content in kept.items():
        path.write_bytes(content)
