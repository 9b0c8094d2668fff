"""What `cleaner.exporters.base` promises, for every exporter on the shelf."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from cleaner import nameplates
from cleaner.classifier import open_classifier
from cleaner.errors import ExportError, ModelError
from cleaner.exporters import (
    DATASET_EXPORTERS,
    MODEL_EXPORTERS,
    MODEL_FILES,
    DatasetExporter,
    Entry,
    ModelExporter,
    export_model,
    label_line,
)
from cleaner.project import Project

if TYPE_CHECKING:
    import keras

# TensorFlow and Keras warn of their own affairs; this project's warnings stay errors.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:tensorflow"),
]

SIDE_PX = 16
CLASS_NAMES = ("cat", "hé\udcff", "two\nlines")
LABELS = [label_line(name) for name in CLASS_NAMES]

every_dataset_exporter = pytest.mark.parametrize(
    "export", DATASET_EXPORTERS.values(), ids=DATASET_EXPORTERS.keys()
)
every_model_exporter = pytest.mark.parametrize(
    "export", MODEL_EXPORTERS.values(), ids=MODEL_EXPORTERS.keys()
)


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """A classifier that cares where in the photo a colour is."""
    import keras

    keras.utils.set_random_seed(0)
    photos = keras.Input((SIDE_PX, SIDE_PX, 3), name="image")
    outputs = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(photos))
    return keras.Model(photos, keras.layers.Dense(3, activation="softmax")(outputs))


@pytest.fixture(scope="module")
def photos() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (5, SIDE_PX, SIDE_PX, 3), dtype=np.uint8)


def entries(project: Project) -> list[Entry]:
    return [Entry(i, project.path_of(i), project.root) for i in project.dataset().items]


@every_dataset_exporter
def test_what_was_written_is_returned(
    export: DatasetExporter, project: Project, tmp_path: Path
) -> None:
    written = export(entries(project), tmp_path / "out")
    assert written
    assert all(path.is_file() for path in written)


@every_dataset_exporter
def test_a_taken_destination_stays_as_it_is(
    export: DatasetExporter, project: Project, tmp_path: Path
) -> None:
    (tmp_path / "out").write_text("precious", encoding="utf-8")
    with pytest.raises(ExportError, match="nothing is overwritten") as caught:
        export(entries(project), tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert (tmp_path / "out").read_text(encoding="utf-8") == "precious"


@every_dataset_exporter
def test_a_place_that_cannot_be_written_is_one_line(
    export: DatasetExporter, project: Project
) -> None:
    with pytest.raises(ExportError, match="cannot be written") as caught:
        export(entries(project), Path("/proc/nowhere/out"))
    assert "\n" not in str(caught.value)


def test_tensorflow_reads_the_records(project: Project, tmp_path: Path) -> None:
    import tensorflow as tf

    written = DATASET_EXPORTERS["tfrecord"](entries(project), tmp_path / "out")
    files = [str(path) for path in written if path.suffix == ".tfrecord"]
    found = set()
    for record in tf.data.TFRecordDataset(files):
        features = tf.train.Example.FromString(record.numpy()).features.feature
        picture = features["image/encoded"].bytes_list.value[0]
        found.add((features["image/class/text"].bytes_list.value[0].decode(), picture))
    items = project.dataset().items
    assert found == {(i.current_label, project.path_of(i).read_bytes()) for i in items}


def _by_keras(path: Path, photos: np.ndarray) -> Any:
    import keras

    return keras.models.load_model(path, compile=False, safe_mode=True).predict(photos, verbose=0)


def _by_tensorflow(path: Path, photos: np.ndarray) -> Any:
    import tensorflow as tf

    signature = tf.saved_model.load(str(path)).signatures["pixels"]
    return signature(images=tf.constant(photos))["probabilities"].numpy()


def _by_litert(path: Path, photos: np.ndarray) -> Any:
    named = path.with_suffix(".tflite")
    path.rename(named)
    classifier = open_classifier(named)
    assert list(classifier.class_names) == LABELS
    return classifier.predict(list(photos))


def _by_graph(path: Path, photos: np.ndarray) -> Any:
    import tensorflow as tf

    definition = tf.compat.v1.GraphDef()
    definition.ParseFromString(path.read_bytes())
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(definition, name="")
    output = definition.node[-2].name  # the last one has the labels
    with tf.compat.v1.Session(graph=graph) as session:
        return session.run(f"{output}:0", {"Placeholder:0": photos.astype(np.float32) / 255})


def _by_onnx(path: Path, photos: np.ndarray) -> Any:
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    properties = session.get_modelmeta().custom_metadata_map
    assert properties["labels"].split("\n")[:-1] == LABELS
    assert "16 x 16, uint8" in properties["input"]
    return session.run(["probabilities"], {"image": photos})[0]


READERS: dict[str, Callable[[Path, np.ndarray], Any]] = {
    "keras": _by_keras,
    "saved_model": _by_tensorflow,
    "tflite": _by_litert,
    "tflite_float16": _by_litert,
    "graph": _by_graph,
    "tflite_int8": _by_litert,
    "onnx": _by_onnx,
}
# Whole numbers step by 1/256, here and in each layer.
TOLERANCES = {"tflite_float16": 2e-3, "tflite_int8": 0.03}


@pytest.mark.parametrize("name", MODEL_EXPORTERS)
def test_every_format_answers_like_the_model(
    name: str, model: keras.Model, photos: np.ndarray, tmp_path: Path
) -> None:
    destination = tmp_path / MODEL_FILES.get(name, "model.pb")
    MODEL_EXPORTERS[name](model, CLASS_NAMES, destination, photos)
    expected = model.predict(photos, verbose=0)
    found = READERS[name](destination, photos)
    np.testing.assert_allclose(found, expected, atol=TOLERANCES.get(name, 1e-5))


@every_model_exporter
def test_a_model_is_never_written_over_something(
    export: ModelExporter, model: keras.Model, photos: np.ndarray, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("precious", encoding="utf-8")
    with pytest.raises(ExportError, match="nothing is overwritten"):
        export(model, CLASS_NAMES, tmp_path / "out", photos)
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "mine.txt"]


@pytest.fixture(scope="module")
def model_folder(
    model: keras.Model, photos: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("model")
    for name, file_name in MODEL_FILES.items():
        MODEL_EXPORTERS[name](model, CLASS_NAMES, folder / file_name, photos)
    (folder / "labels.txt").write_text("".join(f"{x}\n" for x in LABELS), encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", MODEL_EXPORTERS)
def test_a_trained_model_can_be_had_in_every_format(
    name: str, model: keras.Model, model_folder: Path, photos: np.ndarray, tmp_path: Path
) -> None:
    destination = tmp_path / MODEL_FILES.get(name, "model.pb")
    assert export_model(model_folder, name, destination) == [destination]
    expected = model.predict(photos, verbose=0)
    found = READERS[name](destination, photos)
    np.testing.assert_allclose(found, expected, atol=TOLERANCES.get(name, 1e-5))


def test_a_format_that_was_left_out_names_those_there_are(
    model_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "model").mkdir()
    shutil.copy(model_folder / "model.tflite", tmp_path / "model")
    with pytest.raises(ModelError, match=r"no model_int8\.tflite in it.* take one of tflite\."):
        export_model(tmp_path / "model", "tflite_int8", tmp_path / "out")


def test_an_int8_model_needs_photos(model: keras.Model, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="calibrated on photos"):
        MODEL_EXPORTERS["tflite_int8"](model, CLASS_NAMES, tmp_path / "out")


@pytest.mark.parametrize("name", [name for name in MODEL_FILES if name.startswith("tflite")])
def test_a_tflite_file_says_what_goes_in_and_what_comes_out(name: str, model_folder: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter

    flatbuffer = (model_folder / MODEL_FILES[name]).read_bytes()
    runner = Interpreter(model_content=flatbuffer).get_signature_runner()
    (given,), (answer,) = (
        details.values() for details in (runner.get_input_details(), runner.get_output_details())
    )
    assert (given["name"].split(":")[0].split("_")[-1], given["dtype"]) == ("image", np.uint8)
    assert (tuple(given["shape"][1:]), answer["dtype"]) == ((SIDE_PX, SIDE_PX, 3), np.float32)
    assert given["quantization"] in ((0.0, 0), (1.0, 0))  # photos go in as they are
    plate = nameplates.read(flatbuffer)
    assert plate is not None
    assert b"16 x 16, values 0..255 as they are" in plate


def test_an_unknown_format_names_the_known_ones(model_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="Known: keras, saved_model, tflite"):
        export_model(model_folder, "caffe", tmp_path / "out")


@pytest.mark.parametrize("name", MODEL_EXPORTERS)
def test_a_folder_without_a_model_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="empty: there is no"):
        export_model(tmp_path / "empty", name, tmp_path / "out")


def test_opening_the_shelf_loads_no_tensorflow() -> None:
    program = (
        "import sys, cleaner.exporters\n"
        "print([name for name in ('tensorflow', 'keras') if name in sys.modules])"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert finished.stdout.strip() == "[]"


def test_an_onnx_file_alone_labels_photos(
    model_folder: Path, model: keras.Model, photos: np.ndarray, tmp_path: Path
) -> None:
    shutil.copy(model_folder / "model.onnx", tmp_path / "model.onnx")
    classifier = open_classifier(tmp_path / "model.onnx")
    assert list(classifier.class_names) == LABELS
    expected = model.predict(photos, verbose=0)
    np.testing.assert_allclose(classifier.predict(list(photos)), expected, atol=1e-5)


def test_what_is_no_onnx_file_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="ONNX Runtime cannot run it") as caught:
        open_classifier(tmp_path / "model.onnx")
    assert "\n" not in str(caught.value)
