"""Which network a training begins from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cleaner.errors import ModelError, SettingsError
from cleaner.learning import predecessor
from cleaner.learning.architectures import open_architecture
from cleaner.learning.predecessor import Predecessor
from cleaner.project import Project
from cleaner.settings import TrainSettings
from cleaner.store.models import FinalModel
from tests.pictures import write_dataset


def _model(settings: TrainSettings, *, tuned_epochs: int = 0, **receipt: Any) -> FinalModel:
    facts = {"settings": settings.as_json(), "epochs": {"kept_fine_tuning": tuned_epochs}}
    return FinalModel("before", settings.model, ["cat"], "", {}, facts | receipt, "")


def test_a_network_that_was_not_fine_tuned_has_the_features_that_are_kept(tmp_path: Path) -> None:
    model = _model(TrainSettings(fine_tune_epochs=0))
    found = Predecessor(model, tmp_path / "model.keras", tmp_path).backbone
    assert found.content_id == open_architecture(model.architecture, tmp_path).content_id


def test_what_was_fine_tuned_once_stays_another_network_when_classes_join() -> None:
    settings = TrainSettings()
    tuned = _model(settings, tuned_epochs=3)
    joined = _model(settings.beginning_from("before"), joined={"is_tuned": True})
    plain = _model(settings.beginning_from("before"), joined={"is_tuned": False})
    assert [Predecessor(m, Path(), Path()).is_tuned for m in (tuned, joined, plain)] == [
        True,
        True,
        False,
    ]


def test_a_model_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    project = Project(write_dataset(tmp_path / "pets", {"cat": 1}))
    with pytest.raises(ModelError, match="no model 'nobody' to begin from"):
        predecessor.find(project, "nobody", tmp_path)
    project.store.close()


def test_a_network_that_is_kept_is_not_fine_tuned() -> None:
    with pytest.raises(SettingsError, match="taken as it is"):
        TrainSettings(begin_from="before")
