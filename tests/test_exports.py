"""A format that has to be converted first is held to the model before it is put in place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cleaner import exports
from cleaner.cli.models import compared_lines
from cleaner.errors import ExportError, SettingsError
from cleaner.exporters import MODEL_EXPORTERS, MODEL_FILES
from cleaner.project import Project
from cleaner.settings import TrainSettings
from cleaner.store import models as rows
from cleaner.store.models import FinalModel
from tests.pictures import write_dataset

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:tensorflow"),
]

CLASSES = ["cat", "dog"]


def _network(*, seed: int, output_name: str = "probabilities") -> Any:
    """Return a network that looks at the whole photo."""
    import keras

    keras.utils.set_random_seed(seed)
    photos = keras.Input((8, 8, 3), name="image")
    seen = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(photos))
    top = keras.layers.Dense(2, activation="softmax", name=output_name)
    return keras.Model(photos, top(seen))


def _write(kind: str, folder: Path, *, seed: int) -> None:
    """Write one file of such a network, in place of another."""
    network = _network(seed=seed)
    file = folder / MODEL_FILES[kind]
    file.unlink(missing_ok=True)
    MODEL_EXPORTERS[kind](network, CLASSES, file)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A dataset with a model of two formats."""
    project = Project(write_dataset(tmp_path / "pets", dict.fromkeys(CLASSES, 5)))
    project.scan()
    folder = project.state / "models" / "small"
    folder.mkdir(parents=True)
    (folder / "labels.txt").write_text("".join(f"{name}\n" for name in CLASSES))
    for kind in ("keras", "tflite"):
        _write(kind, folder, seed=0)
    receipt: dict[str, Any] = {"accuracy": None, "notes": []}
    model = FinalModel("small", "small network", CLASSES, "", {}, receipt, "2026-01-01")
    with project.store.write() as connection:
        rows.add(connection, model)
    yield project
    project.store.close()


def test_a_converted_model_that_agrees_is_written(project: Project, tmp_path: Path) -> None:
    written = exports.export(project, "graph", tmp_path / "out" / "graph.pb")
    assert written.files == (tmp_path / "out" / "graph.pb",)
    assert written.as_json()["compared_on"] == 10


def test_a_converted_model_that_nothing_could_be_compared_on_says_so(
    project: Project, tmp_path: Path
) -> None:
    for photo in project.root.rglob("*.png"):
        photo.unlink()
    document = exports.export(project, "graph", tmp_path / "graph.pb").as_json()
    assert list(compared_lines(document)) == [
        "Not compared with the model: no image of the dataset could be read."
    ]


@pytest.mark.parametrize("name", ["labels", "truediv"])
def test_an_output_called_like_something_in_the_graph_is_refused(tmp_path: Path, name: str) -> None:
    network = _network(seed=0, output_name=name)
    with pytest.raises(ExportError, match=f"called '{name}', which is also the name") as caught:
        MODEL_EXPORTERS["graph"](network, CLASSES, tmp_path / "graph.pb")
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["labels", "Placeholder"])
def test_a_training_refuses_such_a_name_before_it_begins(name: str) -> None:
    with pytest.raises(SettingsError, match="another of its tensors"):
        TrainSettings(output_name=name)


def test_a_converted_model_that_disagrees_is_not_left_there(
    project: Project, tmp_path: Path
) -> None:
    _write("keras", project.state / "models" / "small", seed=7)
    with pytest.raises(ExportError, match="as graph disagrees with the model") as caught:
        exports.export(project, "graph", tmp_path / "out" / "graph.pb")
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "out").iterdir())
