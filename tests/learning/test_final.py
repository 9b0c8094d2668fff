"""A final model from photos of coloured shapes, end to end."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cleaner.backbones.networks import keras_file
from cleaner.classifier import open_classifier
from cleaner.errors import ExportError, JobCancelled, TooFewImages
from cleaner.exporters import MODEL_EXPORTERS, MODEL_FILES, export_model
from cleaner.learning import finetune
from cleaner.learning.architectures import open_architecture
from cleaner.learning.final import train_final
from cleaner.learning.final_head import FinalHead
from cleaner.learning.finetune import Network, assembled, fine_tune, unfreeze
from cleaner.learning.shipping import LEAST_AGREEMENT, check_parity
from cleaner.learning.training_set import TrainingSet, gather
from cleaner.progress import Progress, silent
from cleaner.project import Project
from cleaner.recording import Request
from cleaner.settings import TrainSettings
from cleaner.store.models import FinalModel
from tests.pictures import write_dataset
from tests.shapes import SHAPES, shape, write_shapes

pytestmark = [
    pytest.mark.slow,
    # Keras hands its variables to NumPy 2 in a way that is deprecated.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:tensorflow"),
]

# Small inputs are as good here, and several times as quick.
SETTINGS = TrainSettings(
    "mobilenet_v2_1.0_96", views=2, head_epochs=8, fine_tune_epochs=2, batch_size=16
)
LAST_LAYER = TrainSettings(
    "mobilenet_v1_1.0_96",
    views=1,
    head_epochs=6,
    fine_tune_epochs=0,
    batch_size=16,
    measure_gain=True,
    every_format=False,
)


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    project = Project(write_shapes(tmp_path_factory.mktemp("data") / "shapes", each=16))
    project.scan()
    yield project
    project.store.close()


@dataclass(frozen=True, slots=True)
class Trained:
    model: FinalModel
    told: list[Progress]
    folder: Path


def _stop_in_the_second_epoch(progress: Progress) -> None:
    if progress.message.startswith("epoch 2"):
        raise JobCancelled("Cancelled by the user.")


@pytest.fixture(scope="module")
def trained(shapes: Project) -> Trained:
    """A model whose training was cancelled once and then started again."""
    with pytest.raises(JobCancelled):
        train_final(shapes, SETTINGS, _stop_in_the_second_epoch)
    told: list[Progress] = []
    model = train_final(shapes, SETTINGS, told.append)
    return Trained(model, told, Path(model.folder))


@pytest.fixture(scope="module")
def photos(shapes: Project) -> TrainingSet:
    return gather(shapes, seed=0)


def test_the_receipt_holds_what_was_promised(trained: Trained) -> None:
    receipt = trained.model.receipt
    assert receipt["accuracy"] > 0.8
    low, high = receipt["accuracy_interval"]
    assert 0 <= low <= receipt["accuracy"] <= high <= 1
    assert receipt["classes"] == sorted(SHAPES)
    assert sum(receipt["images"].values()) == 48
    assert receipt["test_images"] == receipt["images"]["test"] == len(receipt["test_predictions"])
    assert np.sum(receipt["confusion_matrix"]) == receipt["test_images"]
    assert set(receipt["size_bytes"]) == set(receipt["agreement"]) == set(MODEL_FILES)
    for name, share in receipt["agreement"].items():
        assert share >= LEAST_AGREEMENT.get(name, 0.9)
    assert receipt["multiply_adds"] == pytest.approx(300e6 * (96 / 224) ** 2, rel=0.01)
    assert receipt["images_per_second"] > 1
    assert receipt["unknown"]["wanted_false_rejections"] == 0.05
    assert receipt["parameters"] > 2_000_000
    assert receipt["versions"]["keras"] == version("keras")
    assert receipt["label_sources"]["as_given"] == 48


def test_what_cleaning_brought_is_a_number(tmp_path: Path) -> None:
    """Most of one class's images are given another label, and a person moves them back."""
    project = Project(write_shapes(tmp_path / "shapes", each=16))
    names = sorted(SHAPES)
    for path in sorted((project.root / names[0]).iterdir())[2:]:
        path.rename(project.root / names[1] / f"strayed-{path.name}")
    project.scan()
    strayed = [item for item in project.dataset().items if "strayed" in item.path]
    project.decide([Request(item.item_id, "move", names[0]) for item in strayed])
    found = train_final(project, LAST_LAYER).receipt
    cleaning = found["cleaning"]
    assert cleaning["test_images"] == found["test_images"]
    assert cleaning["gain"] == pytest.approx(found["accuracy"] - cleaning["accuracy_before"])
    assert cleaning["gain"] > 0
    low, high = cleaning["gain_interval"]
    assert low < high
    project.store.close()


def test_the_model_is_noted_and_whole(shapes: Project, trained: Trained) -> None:
    assert shapes.models() == [trained.model]
    names = {path.name for path in trained.folder.iterdir()}
    assert names == {*MODEL_FILES.values(), "labels.txt", "model_card.md", "receipt.json"}
    receipt = json.loads((trained.folder / "receipt.json").read_text(encoding="utf-8"))
    assert receipt == trained.model.receipt
    assert [path.name for path in trained.folder.parent.iterdir()] == [trained.folder.name]


def test_the_curves_are_told_and_kept(trained: Trained) -> None:
    history = trained.model.history
    epochs = trained.model.receipt["epochs"]
    for name in ("loss", "accuracy", "validation_loss", "validation_accuracy"):
        told = [progress.curves[name] for progress in trained.told if name in progress.curves]
        assert told == pytest.approx(history[name])
        assert len(told) == epochs["last_layer"] + epochs["fine_tuning"]


def test_the_classifier_agrees_with_the_receipt(shapes: Project, trained: Trained) -> None:
    classifier = open_classifier(trained.folder)
    listed = trained.model.receipt["test_predictions"]
    found = classifier.predict_files([shapes.root / entry["path"] for entry in listed])
    for entry, (_path, probs) in zip(listed, found, strict=True):
        assert isinstance(probs, np.ndarray)
        assert classifier.class_names[int(probs.argmax())] == entry["predicted"]


EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.fixture(scope="module")
def unseen(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A hundred photos that nobody has trained on."""
    folder = tmp_path_factory.mktemp("unseen")
    files = [folder / f"{kind}-{n}.png" for n in range(100, 134) for kind in SHAPES][:100]
    for file in files:
        kind, _, number = file.stem.partition("-")
        shape(kind, int(number)).save(file)
    return files


@pytest.mark.parametrize("name", MODEL_EXPORTERS)
def test_an_example_reads_the_same_labels_without_this_project(
    name: str, trained: Trained, unseen: list[Path], tmp_path: Path
) -> None:
    """The examples of the docs, in a process where this project is not to be found."""
    classifier = open_classifier(trained.folder)
    expected = [
        classifier.class_names[int(np.asarray(probs).argmax())]
        for _path, probs in classifier.predict_files(unseen)
    ]
    (file,) = export_model(trained.folder, name, tmp_path / MODEL_FILES.get(name, "model.pb"))
    example = EXAMPLES / ("graph.py" if name == "graph" else "label.py")
    # -I: nothing from where this test runs is on the path.
    command = [sys.executable, "-I", str(example), str(file)]
    finished = subprocess.run(
        [*command, *map(str, unseen)], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert finished.returncode == 0, finished.stderr[-2_000:]
    found = [line.split("\t") for line in finished.stdout.splitlines() if "\t" in line]
    assert found == [[str(p), label] for p, label in zip(unseen, expected, strict=True)]


@pytest.mark.parametrize("example", ["label.py", "graph.py"])
def test_an_example_is_short_and_knows_nothing_of_this_project(example: str) -> None:
    lines = (EXAMPLES / example).read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if line.strip()]) <= 32
    assert not [line for line in lines if "import" in line and "cleaner" in line]


def test_a_cancelled_training_goes_on_where_it_was(trained: Trained) -> None:
    messages = [progress.message for progress in trained.told]
    assert not any(message.startswith("epoch 1, loss") for message in messages)
    assert any(message.startswith("epoch 2, loss") for message in messages)
    assert trained.model.receipt["epochs"]["fine_tuning"] == 2


def test_a_class_joins_a_trained_model_without_its_network_being_touched(
    shapes: Project, trained: Trained, tmp_path: Path
) -> None:
    root = Path(shutil.copytree(shapes.root, tmp_path / "shapes"))
    shutil.copytree(shapes.state, tmp_path / "shapes.cleaner")
    (root / "stripes").mkdir()
    for number in range(16):
        stripes = np.zeros((64, 64, 3), np.uint8)
        stripes[number % 5 :: 8, :, 1] = 200 + number
        Image.fromarray(stripes).save(root / "stripes" / f"{number}.png")
    project = Project(root)
    project.scan()
    before = trained.model
    settings = TrainSettings.from_json(before.receipt["settings"]).beginning_from(before.model_id)

    model = train_final(project, settings)

    assert model.class_names == sorted([*SHAPES, "stripes"])
    joined = model.receipt["joined"]
    assert joined["model"] == before.model_id
    assert set(joined["new_classes"]) == {"stripes"}
    assert joined["old_images"] == before.receipt["test_images"]
    assert joined["old_changed"] <= 1
    assert model.receipt["accuracy"] > 0.8
    assert set(model.receipt["size_bytes"]) == {"tflite", "keras"}
    networks = [
        keras_file.load(Path(one.folder) / MODEL_FILES["keras"]).layers[1].get_weights()
        for one in (before, model)
    ]
    for one, other in zip(*networks, strict=True):
        np.testing.assert_array_equal(one, other)
    project.store.close()


def _network(photos: TrainingSet, tmp_path: Path) -> Network:
    rng = np.random.default_rng(0)
    kernel = rng.normal(0, 0.05, (1024, len(photos.class_names))).astype(np.float32)
    head = FinalHead(kernel, np.zeros(len(photos.class_names), np.float32), {})
    return assembled(open_architecture("mobilenet_v1_1.0_96", tmp_path), head)


def _weights(network: Network) -> list[np.ndarray]:
    return [np.asarray(weight) for weight in network.model.get_weights()]


def test_a_resumed_run_ends_where_an_unbroken_one_does(photos: TrainingSet, tmp_path: Path) -> None:
    unbroken, broken, resumed = (_network(photos, tmp_path) for _ in range(3))
    fine_tune(unbroken, photos, SETTINGS, tmp_path / "unbroken.npz", silent)

    with pytest.raises(JobCancelled):
        fine_tune(broken, photos, SETTINGS, tmp_path / "broken.npz", _stop_in_the_second_epoch)
    fine_tune(resumed, photos, SETTINGS, tmp_path / "broken.npz", silent)
    for one, other in zip(_weights(unbroken), _weights(resumed), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_fine_tuning_that_spoils_the_model_is_thrown_away(
    photos: TrainingSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finetune, "LEARNING_RATE", 1.0)
    network = _network(photos, tmp_path)
    before = _weights(network)
    settings = TrainSettings(fine_tune_epochs=1, batch_size=16)
    assert fine_tune(network, photos, settings, tmp_path / "run.npz", silent).kept_epoch == 0
    for one, other in zip(before, _weights(network), strict=True):
        np.testing.assert_array_equal(one, other)


def test_fine_tuning_leaves_the_lower_layers_and_all_batch_statistics_alone(
    photos: TrainingSet, tmp_path: Path
) -> None:
    network = _network(photos, tmp_path)
    unfreeze(network.base, 0.3)
    frozen = [np.array(variable) for variable in network.base.non_trainable_variables]
    settings = TrainSettings(fine_tune_epochs=1, fine_tune_fraction=0.3, batch_size=16)
    fine_tune(network, photos, settings, tmp_path / "run.npz", silent)
    for before, variable in zip(frozen, network.base.non_trainable_variables, strict=True):
        np.testing.assert_array_equal(before, np.array(variable))


def test_a_dataset_without_enough_images_is_one_clear_line(tmp_path: Path) -> None:
    project = Project(write_dataset(tmp_path / "pets", {"cat": 2}))
    project.scan()
    with pytest.raises(TooFewImages) as caught:
        train_final(project, SETTINGS)
    assert "\n" not in str(caught.value)


def test_a_network_can_be_had_at_a_smaller_input(tmp_path: Path) -> None:
    backbone = open_architecture("mobilenet_v2_1.0_96", tmp_path)
    photos = np.random.default_rng(0).integers(0, 256, (2, 96, 96, 3), dtype=np.uint8)
    features = backbone.extractor()(photos)
    expected = backbone.build().predict(photos, verbose=0)
    np.testing.assert_allclose(features, expected, atol=1e-3)
    assert backbone.info.input_side_px == 96


def test_formats_that_disagree_are_refused() -> None:
    expected = np.array([[0.6, 0.4], [0.1, 0.9]], np.float32)
    check_parity("tflite", expected + np.float32(5e-4), expected)
    with pytest.raises(ExportError, match=r"tflite disagrees .* on 1 of 2 images"):
        check_parity("tflite", np.array([[0.4, 0.6], [0.1, 0.9]], np.float32), expected)
    with pytest.raises(ExportError):
        check_parity("tflite", np.full((2, 2), np.nan, np.float32), expected)
