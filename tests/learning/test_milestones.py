"""Models kept on the way can be gone back to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cleaner.learning.architectures import open_architecture
from cleaner.learning.final_head import Featured, FinalHead, train_head
from cleaner.learning.finetune import assembled, fine_tune
from cleaner.learning.milestones import Milestones
from cleaner.learning.training_set import gather
from cleaner.progress import PHASE, Progress, silent
from cleaner.project import Project
from cleaner.settings import TrainSettings
from tests.shapes import SHAPES, write_shapes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:tensorflow"),
]

MODEL = "mobilenet_v2_1.0_96"


def test_an_epoch_of_fine_tuning_is_reloaded_with_the_same_answers(tmp_path: Path) -> None:
    import keras

    project = Project(write_shapes(tmp_path / "shapes", each=10))
    project.scan()
    photos = gather(project, seed=0)
    project.store.close()
    settings = TrainSettings(
        model=MODEL, fine_tune_epochs=1, batch_size=16, checkpoints=str(tmp_path / "way")
    )
    backbone = open_architecture(MODEL, tmp_path)
    milestones = Milestones.of(settings, backbone, "key")
    assert milestones is not None
    kernel = np.random.default_rng(0).normal(0, 0.05, (1280, len(SHAPES))).astype(np.float32)
    network = assembled(backbone, FinalHead(kernel, np.zeros(len(SHAPES), np.float32), {}))
    answers: list[np.ndarray] = []
    seen = np.random.default_rng(1).uniform(0, 255, (2, 96, 96, 3)).astype(np.float32)

    def keep(epoch: int, model: Any) -> None:
        answers.append(np.asarray(model(seen, training=False)))
        milestones.fine_tuned(epoch, model)

    fine_tune(network, photos, settings, tmp_path / "run.npz", silent, keep=keep)

    (kept,) = (tmp_path / "way" / f"{MODEL}-key").iterdir()
    assert kept.name == "fine_tuning-epoch-001.keras"
    loaded = keras.models.load_model(kept, compile=False)
    np.testing.assert_allclose(np.asarray(loaded(seen, training=False)), answers[0], atol=1e-6)


def _featured(items: int, rng: np.random.Generator) -> Featured:
    labels = np.arange(items) % 3
    features = rng.normal(size=(1, items, 8)) + 3 * np.eye(3, 8)[labels]
    wanted = np.eye(3, dtype=np.float32)[labels]
    return Featured(features.astype(np.float32), labels.astype(np.int64), wanted)


def test_steps_are_counted_looked_at_and_kept_as_asked() -> None:
    rng = np.random.default_rng(0)
    told: list[Progress] = []
    kept: list[int] = []
    settings = TrainSettings(
        head_steps=25,
        check_every_steps=10,
        head_batch_size=7,
        head_optimizer="sgd",
        head_learning_rate=0.5,
        checkpoint_steps=10,
        output_name="final_result",
    )

    head = train_head(
        _featured(60, rng),
        _featured(30, rng),
        settings,
        told.append,
        lambda step, _kernel, _bias: kept.append(step),
    )

    assert kept == [10, 20]
    assert len(head.history["validation_loss"]) == 3
    assert head.history["validation_accuracy"][-1] > 0.8
    assert head.name == "final_result"
    assert [one.curves[PHASE] for one in told if one.curves] == [0.0] * 3
