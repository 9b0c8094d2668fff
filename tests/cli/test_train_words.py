"""What `train` says before any worker is started."""

from __future__ import annotations

from pathlib import Path

from cleaner.cli.models import _grid_lines, _weights
from cleaner.settings import FROM_NOTHING, PUBLISHED, GridSettings
from tests.cli.conftest import Call

TWO = ("mobilenet_v1_0.25_128", "mobilenet_v2_1.0_224")


def test_a_misspelt_network_is_told_the_nearest_at_once(call: Call, dataset: Path) -> None:
    refused = call("train", dataset, "--model", "mobilenet_v2_1.0_220")
    assert refused.code == 1
    assert "Near: mobilenet_v2_1.0_224" in refused.complaint


def test_a_file_of_weights_must_say_whose_it_is_where_there_are_several(
    call: Call, dataset: Path
) -> None:
    models = [word for name in TWO for word in ("--model", name)]
    refused = call("train", dataset, *models, "--weights", "some.keras")
    assert refused.code == 2
    assert f"of the models {', '.join(TWO)}" in refused.err


def test_a_network_trained_from_nothing_for_no_epochs_is_refused_with_a_warning(
    call: Call, dataset: Path
) -> None:
    refused = call("train", dataset, "--weights", "none", "--fine-tune-epochs", 0)
    assert refused.code == 2
    assert "Random weights" in refused.err


def test_each_model_of_a_grid_has_its_own_folder_of_logs() -> None:
    each = GridSettings(TWO, ("auto", "auto"), {"log_folder": "/logs"}).each()
    assert [one.log_folder for one in each] == [f"/logs/{name}" for name in TWO]


def test_a_grid_says_of_each_model_what_cleaning_brought_and_what_it_gets_wrong() -> None:
    facts = {
        "accuracy": 0.9,
        "accuracy_interval": [0.8, 0.95],
        "size_bytes": 4_000_000,
        "images_per_second": 88.0,
        "notes": [],
        "cleaning": {"gain": 0.07, "gain_interval": [0.03, 0.11], "accuracy_before": 0.83},
        "misclassified": [{"path": "cat/1.jpg", "true": "cat", "predicted": "dog"}],
    }
    models = [{"architecture": name, "model": f"/models/{name}"} | facts for name in TWO]
    said = "\n".join(_grid_lines({"models": models, "comparison": "c.json", "receipt": None}))
    for name in TWO:
        assert f"cleaning  {name}: +7.0 points" in said
        assert f"{name} takes for dog: cat/1.jpg" in said


def test_weights_are_meant_for_the_model_that_is_named(tmp_path: Path) -> None:
    file = tmp_path / "small.keras"
    assert _weights(TWO[:1], (str(file),)) == {TWO[0]: str(file)}
    assert _weights(TWO, (f"{TWO[0]}={file}",)) == {TWO[0]: str(file), TWO[1]: PUBLISHED}
    assert _weights(TWO, (FROM_NOTHING,)) == dict.fromkeys(TWO, FROM_NOTHING)


def test_a_model_to_begin_from_must_be_there(call: Call, dataset: Path) -> None:
    refused = call("train", dataset, "--from", "nobody")
    assert refused.code == 1
    assert "no model 'nobody' to begin from. Known: none." in refused.complaint


def test_a_network_that_is_kept_cannot_be_another_one(call: Call, dataset: Path) -> None:
    refused = call("train", dataset, "--from", "some", "--model", TWO[0])
    assert refused.code == 2
    assert "--model asks for another one" in refused.err
