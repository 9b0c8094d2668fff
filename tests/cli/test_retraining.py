"""The verb retrain: a whole run with the old flags, and what it complains of."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cleaner.project import Project
from tests.cli.conftest import Answer, Call
from tests.shapes import SHAPES, write_shapes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

_MODEL = "mobilenet_1.0_128"  # small and quick, and its weights ship with Cleaner


@dataclass(frozen=True)
class Run:
    """One call of retrain with every flag that leaves something behind."""

    folder: Path
    answer: Answer
    flags: tuple[str, ...]

    @property
    def document(self) -> dict[str, Any]:
        return self.answer.document


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("old")
    write_shapes(folder / "photos", each=16)
    flags = (
        f"--image_dir={folder / 'photos'}",
        f"--architecture={_MODEL}",
        "--how_many_training_steps=55",
        "--eval_step_interval=10",
        "--learning_rate=0.5",
        "--train_batch_size=16",
        "--testing_percentage=25",
        "--validation_percentage=20",
        "--random_crop=10",
        "--random_brightness=10",
        "--flip_left_right",
        "--views=2",
        f"--bottleneck_dir={folder / 'bottlenecks'}",
        f"--intermediate_output_graphs_dir={folder / 'way'}",
        "--intermediate_store_frequency=30",
        f"--summaries_dir={folder / 'logs'}",
        f"--output_graph={folder / 'graph.pb'}",
        f"--output_labels={folder / 'labels.txt'}",
        "--final_tensor_name=final_result",
        "--validation_batch_size=50",
    )
    command = [sys.executable, "-m", "cleaner", "retrain", *flags, "--json"]
    root = Path(__file__).resolve().parent.parent.parent
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    assert done.returncode == 0, done.stderr
    return Run(folder, Answer(done.returncode, done.stdout, done.stderr), flags)


def _receipt(run: Run) -> dict[str, Any]:
    project = Project(run.folder / "photos")
    try:
        return project.models()[0].receipt
    finally:
        project.store.close()


def test_a_retrained_model_knows_the_classes(run: Run) -> None:
    assert run.document["accuracy"] > 0.6
    assert run.document["classes"] == sorted(SHAPES)


def test_the_percentages_are_held_out(run: Run) -> None:
    images = _receipt(run)["images"]
    assert (images["validation"], images["test"]) == (9, 12)


def test_so_many_steps_are_taken_and_looked_at_so_often(run: Run) -> None:
    history = _receipt(run)["history"]
    assert len(history["validation_loss"]) == 6  # after 10, 20, 30, 40, 50 and the last one
    assert set(history["phase"]) == {0.0}


def test_distorted_views_are_kept_where_the_bottlenecks_go(run: Run) -> None:
    views = {path.name for path in (run.folder / "bottlenecks" / "features").glob("*/*")}
    assert views == {"plain", "distorted1-flip-crop10-scale0-brightness10-seed0-view1"}


def test_models_on_the_way_are_whole(run: Run) -> None:
    import keras

    (kept,) = (run.folder / "way").rglob("*.keras")
    assert kept.name == "last_layer-step-000030.keras"
    photo = np.zeros((1, 128, 128, 3), np.float32)
    probs = np.asarray(keras.models.load_model(kept, compile=False)(photo))
    assert probs.shape == (1, len(SHAPES))


def test_the_labels_are_one_a_line(run: Run) -> None:
    assert (run.folder / "labels.txt").read_text().split() == sorted(SHAPES)


def test_tensorboard_finds_the_curves(run: Run) -> None:
    assert list((run.folder / "logs").rglob("events.out.tfevents*"))


def test_a_flag_that_changes_nothing_is_told_why(run: Run) -> None:
    assert "--validation_batch_size changes nothing: all validation images" in run.answer.err


def test_a_place_that_is_taken_is_told_before_the_training(run: Run, call: Call) -> None:
    refused = call("retrain", *run.flags)
    assert refused.code == 1
    assert "there is something already" in refused.complaint
    assert "Training" not in refused.err


def test_the_graph_gives_the_answers_of_the_receipt(run: Run, call: Call) -> None:
    listed = _receipt(run)["test_predictions"]
    photos = [word for one in listed for word in ("--image", run.folder / "photos" / one["path"])]
    found = call("label_image", "--graph", run.folder / "graph.pb", *photos, "--json").document
    best = [one["top"][0] for one in found["predictions"]]
    assert [one["label"] for one in best] == [one["predicted"] for one in listed]
    expected = [one["probability"] for one in listed]
    assert [one["probability"] for one in best] == pytest.approx(expected, abs=0.05)


def test_two_networks_at_once_are_wrong_usage(call: Call, dataset: Path) -> None:
    named = ("--architecture", "inception_v3", "--tfhub_module", "https://example.com/m.tar.gz")
    refused = call("retrain", "--image_dir", dataset, *named)
    assert refused.code == 2
    assert "not both" in refused.err
