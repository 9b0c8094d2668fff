"""Labels from a .tflite file, without TensorFlow."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from cleaner import images
from cleaner.arrays import RGBImage
from cleaner.backbones.embedded import weights_folder
from cleaner.classifier import open_classifier
from cleaner.errors import ImageRejected, ModelError
from cleaner.exporters import MODEL_EXPORTERS
from tests.pictures import picture, write_image

FORMATS = {
    "tflite": "any.tflite",
    "tflite_float16": "half.tflite",
    "keras": "any.keras",
    "saved_model": "any",
    "onnx": "any.onnx",
    "graph": "any.pb",
}
LABELS = [f"class {number}" for number in range(1280)]


@pytest.fixture
def flatbuffer() -> bytes:
    """A network of the shelf, taken for a classifier: its features stand for probabilities."""
    return (weights_folder() / "mobilenet_v2_1.0_224.tflite").read_bytes()


@pytest.fixture
def model(tmp_path: Path, flatbuffer: bytes) -> Path:
    """A .tflite file with its labels packed inside."""
    path = tmp_path / "model" / "model.tflite"
    path.parent.mkdir()
    path.write_bytes(flatbuffer)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels.txt", "".join(f"{label}\n" for label in LABELS))
    return path


def photos(count: int) -> list[RGBImage]:
    return [np.asarray(picture(seed, (90 + seed, 70))) for seed in range(count)]


def test_a_file_with_labels_inside_is_a_whole_model(model: Path) -> None:
    classifier = open_classifier(model)
    assert classifier.class_names == tuple(LABELS)
    assert classifier.input_side_px == 224


@pytest.mark.parametrize("name", [".", "model.tflite", "model.keras", "saved_model"])
def test_any_file_of_a_model_stands_for_its_folder(model: Path, name: str) -> None:
    (model.parent / "model.keras").write_bytes(b"")
    (model.parent / "saved_model").mkdir()
    assert open_classifier(model.parent / name).input_side_px == 224


def test_labels_may_lie_beside_the_file(tmp_path: Path, flatbuffer: bytes) -> None:
    (tmp_path / "any.tflite").write_bytes(flatbuffer)
    (tmp_path / "labels.txt").write_text("\n".join(LABELS), encoding="utf-8")
    assert open_classifier(tmp_path / "any.tflite").class_names == tuple(LABELS)


def test_photos_of_any_size_get_one_row_each_in_order(model: Path) -> None:
    classifier = open_classifier(model)
    together = classifier.predict(photos(7))
    alone = [classifier.predict([photo])[0] for photo in photos(7)]
    assert together.dtype == np.float32
    assert together.shape == (7, len(LABELS))
    np.testing.assert_array_equal(together, np.stack(alone))


def test_no_photos_get_no_rows(model: Path) -> None:
    assert open_classifier(model).predict([]).shape == (0, len(LABELS))


def test_files_come_in_order_and_bad_ones_are_named(model: Path, tmp_path: Path) -> None:
    paths = [write_image(tmp_path / f"{number}.png", seed=number) for number in range(30)]
    paths[3] = tmp_path / "missing.png"
    paths[5].write_bytes(b"not a picture")
    found = list(open_classifier(model).predict_files(paths))
    assert [path for path, _outcome in found] == paths
    rejected = {path: o.reason for path, o in found if isinstance(o, ImageRejected)}
    assert rejected == {paths[3]: "missing", paths[5]: "not_an_image"}


def test_a_file_is_seen_as_its_decoded_photo_is(model: Path, tmp_path: Path) -> None:
    path = write_image(tmp_path / "photo.png", seed=1, size=(300, 200))
    classifier = open_classifier(model)
    ((_path, probs),) = classifier.predict_files([path])
    assert not isinstance(probs, ImageRejected)
    expected = classifier.predict([images.load(path, root=tmp_path)])[0]
    np.testing.assert_array_equal(probs, expected)


def test_a_link_to_a_photo_elsewhere_is_followed(model: Path, tmp_path: Path) -> None:
    photo = write_image(tmp_path / "elsewhere" / "photo.png")
    link = model.parent / "link.png"
    link.symlink_to(photo)
    ((_path, outcome),) = open_classifier(model).predict_files([link])
    assert not isinstance(outcome, ImageRejected)


def test_a_reader_that_stops_early_leaves_no_work_running(model: Path, tmp_path: Path) -> None:
    path = write_image(tmp_path / "photo.png")
    found = open_classifier(model).predict_files([path] * 1_000)
    next(found)
    found.close()


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each format of a small network, alone in a folder of its own."""
    import keras

    folder = tmp_path_factory.mktemp("exported")
    keras.utils.set_random_seed(3)
    photo = keras.Input((32, 32, 3))
    outputs = keras.layers.Conv2D(8, 5, strides=4)(keras.layers.Rescaling(1 / 255)(photo))
    outputs = keras.layers.Dense(3, activation="softmax")(keras.layers.Flatten()(outputs))
    network = keras.Model(photo, outputs)
    for name, export in MODEL_EXPORTERS.items():
        if name in FORMATS:
            (folder / name).mkdir()
            export(network, ["a", "b", "c"], folder / name / FORMATS[name])
    return folder


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:tensorflow")
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_alone_in_a_folder_gives_the_same_labels(
    exported: Path, tmp_path: Path, name: str
) -> None:
    files = [write_image(tmp_path / f"{n}.png", seed=n, size=(40 + n, 32)) for n in range(5)]
    files.insert(2, tmp_path / "missing.png")
    expected, found = (
        list(open_classifier(exported / form / FORMATS[form]).predict_files(files))
        for form in ("tflite", name)
    )
    assert [path for path, _outcome in found] == files
    assert isinstance(found[2][1], ImageRejected)
    for (_path, one), (_same, other) in zip(expected, found, strict=True):
        if not isinstance(one, ImageRejected):
            assert not isinstance(other, ImageRejected)
            np.testing.assert_allclose(one, other, atol=5e-3)


def damaged(path: Path) -> Path:
    path.write_bytes(b"\0" * 4 + b"TFL3" + b"\xff" * 500)
    return path


def without_labels(path: Path) -> Path:
    path.write_bytes((weights_folder() / "mobilenet_v2_1.0_224.tflite").read_bytes())
    return path


def with_too_few_labels(path: Path) -> Path:
    without_labels(path)
    path.with_name("labels.txt").write_text("one\ntwo\n", encoding="utf-8")
    return path


def of_text(path: Path) -> Path:
    path.write_text("not a model", encoding="utf-8")
    return path


def nowhere(path: Path) -> Path:
    return path


def an_empty_folder(path: Path) -> Path:
    path.mkdir()
    return path


@pytest.mark.parametrize(
    "make", [without_labels, with_too_few_labels, of_text, nowhere, an_empty_folder]
)
def test_what_is_no_model_is_refused_in_one_line(make: object, tmp_path: Path) -> None:
    assert callable(make)
    with pytest.raises(ModelError) as caught:
        open_classifier(make(tmp_path / "any.tflite"))
    assert "\n" not in str(caught.value)
    assert "any.tflite" in str(caught.value)


def test_classifying_loads_no_tensorflow(model: Path, tmp_path: Path) -> None:
    photo = write_image(tmp_path / "photo.png")
    program = (
        "import sys; from pathlib import Path; from cleaner.classifier import open_classifier\n"
        f"list(open_classifier(Path({str(model)!r})).predict_files([Path({str(photo)!r})]))\n"
        "print([name for name in ('tensorflow', 'keras') if name in sys.modules])"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert finished.stdout.strip() == "[]"
