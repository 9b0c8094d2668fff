from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from cleaner.errors import ImageRejected
from cleaner.items import Finding
from cleaner.project import Project
from cleaner.settings import ScoreSettings
from cleaner.store.models import FinalModel
from cleaner.ui import actions, charts
from tests.receipts import samples


def a_model(folder: Path, **receipt: object) -> FinalModel:
    return FinalModel("id", "mobilenet", ["a", "b"], str(folder), {}, dict(receipt), "")


def test_findings_come_errors_first_and_as_plain_text() -> None:
    findings = (
        Finding("skipped", ("notes.txt",), "info", "Left out."),
        Finding("near_duplicate", ("a/1.jpg", "a/2.jpg"), "warning", "Much alike."),
        Finding("unreadable", ("a/caf\udce9.jpg",), "error", "Empty."),
    )
    rows = actions.finding_rows(findings)
    assert [row["what"] for row in rows] == ["unreadable", "near duplicate", "skipped"]
    assert rows[0]["file"] == "a/caf\\xe9.jpg"
    assert rows[1]["others"] == "a/2.jpg"


def test_the_next_round_is_scored_as_the_latest_one(project: Project) -> None:
    assert actions.score_settings(project) == ScoreSettings()


def test_the_keras_file_stands_beside_those_of_tensorflow_lite() -> None:
    receipt = samples.receipt()
    measured = {"accuracy": 0.75, "accuracy_interval": [0.3, 0.95], "images_per_second": 60.0}
    receipt["models"][0]["formats"]["keras"] |= measured
    rows = actions.compared_rows(receipt)
    assert [row["file"] for row in rows[:3]] == ["Keras", "float32", "int8"]
    assert rows[0]["images a second"] == 60.0
    assert rows[0]["ms a photo"] is None


def test_a_folder_is_downloaded_as_a_zip_and_a_file_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "saved_model" / "variables").mkdir(parents=True)
    (tmp_path / "saved_model" / "variables" / "data").write_bytes(b"weights")
    (tmp_path / "labels.txt").write_bytes(b"a\nb\n")
    found = actions.downloads(a_model(tmp_path))
    assert list(found) == ["SavedModel (zip)", "Class names"]
    with zipfile.ZipFile(io.BytesIO(actions.packed(found["SavedModel (zip)"]))) as archive:
        assert archive.read("saved_model/variables/data") == b"weights"
    assert actions.packed(found["Class names"]) == b"a\nb\n"


def test_mistakes_come_the_most_confident_first(tmp_path: Path) -> None:
    predictions = [
        {"path": "a/1.jpg", "true": "a", "predicted": "b", "probability": 0.6},
        {"path": "a/2.jpg", "true": "a", "predicted": "a", "probability": 0.9},
        {"path": "b/3.jpg", "true": "b", "predicted": "a", "probability": 0.8},
    ]
    rows = actions.mistakes(a_model(tmp_path, test_predictions=predictions))
    assert [row["file"] for row in rows] == ["b/3.jpg", "a/1.jpg"]


def test_the_weakest_class_comes_first(tmp_path: Path) -> None:
    values = {"images": 9, "precision": 0.5, "recall": 0.5}
    per_class = {"good": values | {"f1": 0.9}, "bad": values | {"f1": 0.5}}
    rows = actions.class_rows(a_model(tmp_path, per_class=per_class))
    assert [row["class"] for row in rows] == ["bad", "good"]


def test_what_is_no_photo_is_refused_with_a_reason() -> None:
    with pytest.raises(ImageRejected):
        actions.preview(b"no photo")


def test_losses_and_accuracies_are_plotted_apart_and_empty_curves_not_at_all() -> None:
    kinds = charts.split_curves(
        {"loss": [1.0], "validation_loss": [2.0], "accuracy": [0.5], "other": []}
    )
    assert {kind: list(curves) for kind, curves in kinds.items()} == {
        "loss": ["loss", "validation loss"],
        "accuracy": ["accuracy"],
    }


def test_a_confusion_matrix_of_many_classes_is_drawn_without_figures() -> None:
    names = [f"class {number}" for number in range(30)]
    matrix = [[int(row == column) for column in range(30)] for row in range(30)]
    assert "layer" not in charts.confusion(matrix, names).to_dict()
    assert "layer" in charts.confusion([[1, 0], [0, 1]], ["a", "b"]).to_dict()


def test_no_table_that_can_be_downloaded_holds_a_formula() -> None:
    finding = Finding("near_duplicate", ("=cmd()/1.png", "@sum/2.png"), "warning", "Twins.")
    (row,) = actions.finding_rows((finding,))
    assert row["file"] == "'=cmd()/1.png"
    assert row["others"] == "'@sum/2.png"
