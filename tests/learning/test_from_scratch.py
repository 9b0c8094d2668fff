"""A small network trained from nothing on photos of coloured shapes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cleaner.errors import JobCancelled, SettingsError, UnknownBackbone
from cleaner.learning import from_scratch
from cleaner.learning.final_head import FinalHead
from cleaner.learning.finetune import Network, assembled
from cleaner.learning.small_resnet import SmallResNet
from cleaner.learning.training_set import TrainingSet, gather
from cleaner.progress import Progress, silent
from cleaner.project import Project
from cleaner.settings import TrainSettings
from tests.shapes import write_shapes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:tensorflow"),
]

SETTINGS = TrainSettings(model="small_resnet_32", fine_tune_epochs=4)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrainingSet]:
    project = Project(write_shapes(tmp_path_factory.mktemp("data") / "shapes", each=16))
    project.scan()
    yield gather(project, seed=0, borrow=False)
    project.store.close()


def network(photos: TrainingSet) -> Network:
    classes = len(photos.class_names)
    kernel = np.random.default_rng(0).normal(0, 0.05, (256, classes)).astype(np.float32)
    return assembled(
        SmallResNet("small_resnet_32"), FinalHead(kernel, np.zeros(classes, np.float32), {})
    )


def test_a_view_is_the_photo_moved_mirrored_or_in_other_light() -> None:
    rng = np.random.default_rng(0)
    photos = rng.integers(0, 256, (64, 32, 32, 3), dtype=np.uint8)
    seen = from_scratch.views(photos, rng)
    assert seen.shape == photos.shape
    assert seen.dtype == np.float32
    assert 0 <= seen.min() <= seen.max() <= 255
    assert not np.array_equal(seen[0], from_scratch.views(photos, rng)[0])


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(
    photos: TrainingSet, tmp_path: Path
) -> None:
    def stop(progress: Progress) -> None:
        if progress.message.startswith("epoch 2"):
            raise JobCancelled("Cancelled by the user.")

    whole, resumed = network(photos), network(photos)
    at_once = from_scratch.trained(whole, photos, SETTINGS, tmp_path / "whole.npz", silent)
    with pytest.raises(JobCancelled):
        from_scratch.trained(resumed, photos, SETTINGS, tmp_path / "cut.npz", stop)
    again = network(photos)
    later = from_scratch.trained(again, photos, SETTINGS, tmp_path / "cut.npz", silent)
    assert later.history == at_once.history
    for one, other in zip(whole.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert at_once.history["loss"][-1] < at_once.history["loss"][0]


def test_a_network_of_another_side_names_those_there_are() -> None:
    with pytest.raises(UnknownBackbone, match="Known: small_resnet_32"):
        SmallResNet("small_resnet_33")


def test_without_an_epoch_there_is_nothing_to_train(photos: TrainingSet, tmp_path: Path) -> None:
    settings = TrainSettings(model="small_resnet_32", fine_tune_epochs=0)
    with pytest.raises(SettingsError, match="--fine-tune-epochs"):
        from_scratch.trained(network(photos), photos, settings, tmp_path / "x.npz", silent)


def test_what_its_course_has_no_use_for_is_refused() -> None:
    asked = TrainSettings(model="small_resnet_32", schedule="step", fine_tune_learning_rate=0.1)
    with pytest.raises(SettingsError, match="leave out --fine-tune-learning-rate, --schedule"):
        from_scratch.check(asked)
