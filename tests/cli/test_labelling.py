"""The verb label_image, on graphs of Cleaner's and on such as the old script wrote."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from cleaner.exporters import frozen_graph
from tests.cli.conftest import Call
from tests.pictures import write_image

if TYPE_CHECKING:
    import keras

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """A network that says how much red, green and blue there is."""
    import keras

    photos = keras.Input((16, 16, 3), name="image")
    colours = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(photos))
    return keras.Model(photos, keras.layers.Softmax(name="final_result")(colours))


@pytest.fixture(scope="module")
def graph(model: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    destination = tmp_path_factory.mktemp("graph") / "graph.pb"
    frozen_graph.export(model, ["red", "green", "blue"], destination)
    return destination


def _by_model(model: keras.Model, photo: Path) -> np.ndarray:
    pixels = np.asarray(Image.open(photo).convert("RGB"), np.float32)
    return np.asarray(np.asarray(model(pixels[None]))[0])


def test_a_graph_of_cleaner_s_needs_nothing_but_a_photo(
    graph: Path, model: keras.Model, call: Call, tmp_path: Path
) -> None:
    photo = write_image(tmp_path / "photo.png", size=(16, 16))
    words = ("--graph", graph, "--image", photo)

    (found,) = call("label_image", *words, "--json").document["predictions"]

    probs = {one["label"]: one["probability"] for one in found["top"]}
    by_graph = [probs[name] for name in ("red", "green", "blue")]
    np.testing.assert_allclose(by_graph, _by_model(model, photo), atol=1e-5)
    flags = ("--input_layer", "Placeholder", "--output_layer", "final_result")
    assert call("label_image", *words, *flags).out == call("label_image", *words).out


def test_the_graph_can_be_fed_as_old_programs_do(
    graph: Path, model: keras.Model, tmp_path: Path
) -> None:
    import tensorflow as tf

    photo = write_image(tmp_path / "photo.png", size=(16, 16))
    pixels = np.asarray(Image.open(photo).convert("RGB"), np.float32)[None] / 255
    definition = tf.compat.v1.GraphDef()
    definition.ParseFromString(graph.read_bytes())
    with tf.Graph().as_default() as imported:
        tf.import_graph_def(definition)
    with tf.compat.v1.Session(graph=imported) as session:
        from_bytes, from_pixels, labels = (
            session.run(f"import/{fetched}:0", {f"import/{fed}:0": value})
            for fetched, fed, value in (
                ("final_result", "DecodeJpeg/contents", photo.read_bytes()),
                ("final_result", "Placeholder", pixels),
                ("labels", "Placeholder", pixels),
            )
        )
    np.testing.assert_allclose(from_bytes, from_pixels, atol=1e-5)
    np.testing.assert_allclose(from_pixels[0], _by_model(model, photo), atol=1e-5)
    assert labels.tolist() == [b"red", b"green", b"blue"]


def _old_graph(path: Path) -> None:
    """Write a graph as retrain.py did: no labels, no preprocessing."""
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        photos = tf.compat.v1.placeholder(tf.float32, (None, 8, 8, 3), name="Placeholder")
        brightness = tf.reduce_mean(photos, axis=(1, 2, 3))
        tf.stack([1 - brightness, brightness], axis=1, name="final_result")
    path.write_bytes(graph.as_graph_def().SerializeToString())


def test_a_graph_of_the_old_script_is_labelled_with_the_old_flags(
    call: Call, tmp_path: Path
) -> None:
    _old_graph(tmp_path / "old.pb")
    (tmp_path / "old.txt").write_text("dark\nbright\n")
    Image.new("RGB", (40, 30), (230, 230, 230)).save(tmp_path / "photo.png")
    words = ("--graph", tmp_path / "old.pb", "--image", tmp_path / "photo.png")
    layers = ("--input_layer", "Placeholder", "--output_layer", "final_result")

    said = call("label_image", *words, "--labels", tmp_path / "old.txt", *layers).out
    assert said.splitlines() == ["bright 0.90196", "dark 0.09804"]
    assert "Name their file with --labels" in call("label_image", *words).complaint
    misnamed = call("label_image", *words, "--labels", tmp_path / "old.txt", "--output_layer", "x")
    assert "no tensor 'x' in it" in misnamed.complaint
    refused = call("predict", tmp_path / "old.pb", tmp_path / "photo.png")
    assert (refused.code, "`label_image` runs" in refused.complaint) == (1, True)


def test_what_is_no_graph_is_one_line(call: Call, tmp_path: Path) -> None:
    (tmp_path / "no.pb").write_bytes(b"\xff" * 40)
    refused = call("label_image", "--graph", tmp_path / "no.pb", "--image", "x.png")
    assert refused.code == 1
    assert "no frozen TensorFlow graph" in refused.complaint
