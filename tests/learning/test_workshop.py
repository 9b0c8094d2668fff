"""A training that ends at any moment leaves a whole model or none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cleaner.learning import shipping
from cleaner.learning.workshop import Workshop
from cleaner.project import Project
from cleaner.store.models import FinalModel
from tests.faults.moving import Crash
from tests.pictures import write_dataset

# In the order in which they come: (where, name).
STEPS = (
    (shipping, "flush"),
    (Workshop, "_keep"),
    (Path, "rename"),
    (shipping, "flush_folder"),
    (Workshop, "_note"),
    (Workshop, "close"),
)


def model() -> FinalModel:
    return FinalModel(
        model_id="",
        architecture="mobilenet_v1_1.0_96",
        class_names=["cat", "bad\udcff"],
        folder="",
        history={"loss": [1.0, 0.5]},
        receipt={"accuracy": 0.5},
        created_at="2026-01-01T00:00:00.000+00:00",
    )


def ship(workshop: Workshop) -> None:
    workshop.shipped.mkdir()
    (workshop.shipped / "model.tflite").write_bytes(b"a network")


def crash(*_arguments: object) -> None:
    raise Crash


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    project = Project(write_dataset(tmp_path / "pets", {"cat": 1}))
    yield project
    project.store.close()


@pytest.mark.parametrize(("where", "name"), STEPS, ids=[name for _, name in STEPS])
def test_a_kill_while_a_model_is_put_in_its_place_leaves_it_whole_or_unseen(
    project: Project, where: object, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop = Workshop(project, "key")
    ship(workshop)
    with monkeypatch.context() as killed:
        killed.setattr(where, name, crash)
        with pytest.raises(Crash):
            workshop.place(model())
    for listed in project.models():
        assert (Path(listed.folder) / "model.tflite").read_bytes() == b"a network"

    again = Workshop(project, "key")
    if again.finished is None:
        ship(again)
        done = again.place(model())
    else:
        done = again.finished
        again.close()

    assert project.models() == [done]
    assert [folder.name for folder in (project.state / "models").iterdir()] == [done.model_id]
    assert done.class_names == ["cat", "bad\udcff"]


@pytest.mark.parametrize(("where", "name"), STEPS[3:], ids=[name for _, name in STEPS[3:]])
def test_a_model_that_was_in_its_place_is_noted_also_by_a_training_of_another_kind(
    project: Project, where: object, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop = Workshop(project, "key")
    ship(workshop)
    with monkeypatch.context() as killed:
        killed.setattr(where, name, crash)
        with pytest.raises(Crash):
            workshop.place(model())

    other = Workshop(project, "other key")

    assert other.finished is None
    assert len(project.models()) == 1
    assert not list((project.state / "models").glob(".training-key"))
