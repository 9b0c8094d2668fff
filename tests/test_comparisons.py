"""All models are held against each other on the same sealed images."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from cleaner import comparisons, receipts
from cleaner.errors import ModelError
from cleaner.exporters import MODEL_EXPORTERS, MODEL_FILES
from cleaner.project import Project
from cleaner.recording import Request
from cleaner.store import models as rows
from cleaner.store.models import FinalModel
from tests.pictures import write_dataset

if TYPE_CHECKING:
    import keras

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:tensorflow"),
]

SIDE_PX = 16
CLASSES = ["cat", "dog"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of two untrained networks, a large one and a small one."""
    folder = tmp_path_factory.mktemp("networks")
    photos = np.random.default_rng(0).integers(0, 256, (4, SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
    for name, channels in {"large": 16, "small": 4}.items():
        (folder / name).mkdir()
        for kind in ("tflite", "tflite_int8"):
            destination = folder / name / MODEL_FILES[kind]
            MODEL_EXPORTERS[kind](_network(channels), CLASSES, destination, photos)
    return folder


def _network(channels: int) -> keras.Model:
    import keras

    keras.utils.set_random_seed(channels)
    photos = keras.Input((SIDE_PX, SIDE_PX, 3), name="image")
    seen = keras.layers.Conv2D(channels, 3)(keras.layers.Rescaling(1 / 255)(photos))
    pooled = keras.layers.GlobalAveragePooling2D()(seen)
    return keras.Model(photos, keras.layers.Dense(2, activation="softmax")(pooled))


@pytest.fixture
def project(tmp_path: Path, files: Path) -> Iterator[Project]:
    """A dataset with a model whose one file is quickly measured."""
    project = Project(write_dataset(tmp_path / "pets", dict.fromkeys(CLASSES, 40)))
    project.scan()
    place(project, files / "small", "small", "2026-01-01")
    (project.state / "models" / "small" / "model_int8.tflite").unlink()
    yield project
    project.store.close()


@pytest.fixture(scope="module")
def found(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Two models compared."""
    root = tmp_path_factory.mktemp("data") / "pets"
    project = Project(write_dataset(root, dict.fromkeys(CLASSES, 40)))
    project.scan()
    for number, name in enumerate(("small", "large")):
        place(project, files / name, name, f"2026-01-0{number + 1}")
    yield compared(project) | {"sealed": sealed(project)}
    project.store.close()


def place(project: Project, files: Path, name: str, made_at: str) -> None:
    shutil.copytree(files, project.state / "models" / name)
    note(project, name, CLASSES, made_at)


def note(project: Project, name: str, classes: list[str], made_at: str) -> None:
    receipt: dict[str, Any] = {"accuracy": None, "notes": []}
    model = FinalModel(name, f"{name} network", classes, "", {}, receipt, made_at)
    with project.store.write() as connection:
        rows.add(connection, model)


def sealed(project: Project) -> list[int]:
    return [item.item_id for item in project.dataset().items if item.split == "test"]


def compared(project: Project) -> dict[str, Any]:
    found = comparisons.compare(project, seconds=0.01, turns=1)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    return found


def test_every_model_answers_about_the_same_sealed_images(found: dict[str, Any]) -> None:
    assert found["test_images"] == len(found["sealed"]) > 3
    assert [model["model_id"] for model in found["models"]] == ["large", "small"]
    for model in found["models"]:
        images = found["test_images"]
        assert len(model["mistakes"]) == round(images * (1 - model["accuracy"]))
        assert np.trace(model["confusion_matrix"]) == round(images * model["accuracy"])
        assert {one["item_id"] for one in model["mistakes"]} <= set(found["sealed"])


def test_the_model_that_computes_most_is_the_reference(found: dict[str, Any]) -> None:
    large, small = found["models"]
    assert found["reference"] == "large"
    # 14 x 14 places, a kernel of 3 x 3 x 3 for each channel, then two classes.
    assert large["multiply_adds"] == 14 * 14 * 27 * 16 + 2 * 16
    assert large["beside_reference"]["accuracy"] == 0
    assert small["beside_reference"]["accuracy"] == pytest.approx(
        small["accuracy"] - large["accuracy"]
    )
    low, high = small["beside_reference"]["interval"]
    assert low < small["beside_reference"]["accuracy"] < high
    assert small["beside_reference"]["share_of_size"] < 1


def test_each_file_that_is_run_is_measured_as_well(found: dict[str, Any]) -> None:
    for model in found["models"]:
        assert set(model["formats"]) == {"tflite", "tflite_int8"}
        for found in model["formats"].values():
            assert 0 < found["latency_ms"]["p50"] <= found["latency_ms"]["p95"]
            assert found["peak_memory_bytes"] > 1_000_000
            assert found["size_bytes"] > 1_000


def test_labels_are_those_of_now(project: Project) -> None:
    before = compared(project)
    right = sorted(set(sealed(project)) - {m["item_id"] for m in before["models"][0]["mistakes"]})
    item = next(item for item in project.dataset().items if item.item_id == right[0])
    other = next(name for name in CLASSES if name != item.current_label)
    project.decide([Request(item.item_id, "move", other)])
    after = compared(project)["models"][0]["mistakes"]
    assert len(after) == len(before["models"][0]["mistakes"]) + 1


def test_an_image_that_became_unreadable_is_left_out_for_all(project: Project) -> None:
    item = next(item for item in project.dataset().items if item.split == "test")
    project.path_of(item).write_bytes(b"no picture")
    found = compared(project)
    assert found["test_images"] == len(sealed(project)) - 1
    assert "1 test images could not be read and were left out." in found["notes"]


def test_a_model_of_other_classes_is_named_and_left_out(project: Project) -> None:
    folder = project.state / "models"
    shutil.copytree(folder / "small", folder / "older")
    note(project, "older", ["cat", "cow"], "2025-01-01")
    found = compared(project)
    assert [model["model_id"] for model in found["models"]] == ["small"]
    assert any(note.startswith("older knows other classes") for note in found["notes"])


def test_a_model_that_is_not_there_is_refused_by_name(project: Project) -> None:
    with pytest.raises(ModelError, match=r"no model 'huge'\. Known: small"):
        comparisons.compare(project, ["huge"])


def test_without_a_model_it_says_what_to_do(tmp_path: Path) -> None:
    project = Project(write_dataset(tmp_path / "pets", {"cat": 1}))
    with pytest.raises(ModelError, match="no model was trained yet"):
        comparisons.compare(project)
    project.store.close()


def test_what_is_kept_can_be_shown(project: Project) -> None:
    comparisons.keep(project)
    found = receipts.read(project.state)
    assert found is not None
    assert "small network" in receipts.as_page(found)
