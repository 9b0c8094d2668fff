"""Several small networks trained from nothing on photos of coloured shapes, and compared."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cleaner.errors import CleanerError, JobCancelled, NotScored, SettingsError
from cleaner.learning import finetune
from cleaner.learning.architectures import open_architecture
from cleaner.learning.event_log import EventLog
from cleaner.learning.final import FROM_NOTHING_NOTE, look_ahead, planned, train_final
from cleaner.learning.grid import compared, train_grid
from cleaner.progress import Progress, silent
from cleaner.project import Project
from cleaner.settings import FROM_NOTHING, GridSettings, TrainSettings
from tests.shapes import write_shapes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:tensorflow"),
]

NAMES = ("mobilenet_v1_0.25_32", "small_resnet_32")
RECIPE = {"fine_tune_epochs": 2, "batch_size": 16, "every_format": False}
GRID = GridSettings(NAMES, (FROM_NOTHING, FROM_NOTHING), RECIPE)


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    project = Project(write_shapes(tmp_path_factory.mktemp("grid") / "shapes", each=12))
    project.scan()
    yield project
    project.store.close()


def _stop_in_the_second_model(progress: Progress) -> None:
    if progress.stage.startswith("Model 2") and progress.message.startswith("epoch 1"):
        raise JobCancelled("Cancelled by the user.")


def test_a_grid_goes_on_where_it_was_and_keeps_a_comparison(shapes: Project) -> None:
    with pytest.raises(JobCancelled):
        train_grid(shapes, GRID, _stop_in_the_second_model)
    told: list[Progress] = []
    models, comparison = train_grid(shapes, GRID, told.append)
    assert not any(progress.stage.startswith("Model 1") for progress in told)
    assert [model.architecture for model in models] == list(NAMES)
    assert json.loads(comparison.read_text(encoding="utf-8")) == compared(models)
    assert len(shapes.models()) == 2
    for model in models:
        assert FROM_NOTHING_NOTE in model.receipt["notes"]
        assert model.receipt["epochs"]["fine_tuning"] == 2
        assert model.receipt["weights"]["source"] == "random weights"


def test_names_that_cannot_be_had_stop_a_grid_before_it_begins(shapes: Project) -> None:
    names = ("mobilenet_v1_0.25_32", "mobilenet_v2_0.35_33")
    with pytest.raises(CleanerError, match=r"mobilenet_v2_0\.35_33"):
        train_grid(shapes, GridSettings(names, (FROM_NOTHING, FROM_NOTHING), RECIPE))
    with pytest.raises(SettingsError, match="two or more"):
        GridSettings(NAMES[:1], (FROM_NOTHING,), RECIPE)


def test_two_networks_share_one_look_at_the_photos(shapes: Project, tmp_path: Path) -> None:
    plans = [
        planned(shapes, TrainSettings(name))
        for name in ("mobilenet_v1_1.0_224", "mobilenet_v2_1.0_224")
    ]
    told: list[Progress] = []
    look_ahead(plans, TrainSettings(views=1), tmp_path, told.append)
    looks = {progress.stage for progress in told}
    assert looks == {"Looking at the images with mobilenet_v1_1.0_224 and mobilenet_v2_1.0_224"}


def test_logs_for_tensorboard_hold_every_curve(tmp_path: Path) -> None:
    heard: list[Progress] = []
    log = EventLog(tmp_path / "logs", heard.append)
    log(Progress("Fine-tuning the network", 1, 2, curves={"loss": 0.5}))
    log(Progress("Fine-tuning the network", 2, 2, curves={"loss": 0.25}))
    assert len(heard) == 2
    (file,) = (tmp_path / "logs").iterdir()
    content = file.read_bytes()
    assert content.count(b"fine-tuning_the_network/loss") == 2
    assert b"scalars" in content
    assert np.float32(0.25).tobytes() in content


def test_a_folder_of_logs_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CleanerError, match="no logs can be written"):
        EventLog(tmp_path / "file" / "logs", silent)


def test_a_network_is_unfrozen_from_a_chosen_layer(tmp_path: Path) -> None:
    base = open_architecture("mobilenet_v1_0.25_32", tmp_path, weights=FROM_NOTHING).build()
    finetune.unfreeze_from(base, "conv_pw_13")
    trained = {variable.path.split("/")[0] for variable in base.trainable_variables}
    assert trained == {"conv_pw_13", "conv_pw_13_bn"}
    number = [layer.name for layer in base.layers].index("conv_pw_13")
    finetune.unfreeze_from(base, "0")
    assert len(base.trainable_variables) > len(trained)
    finetune.unfreeze_from(base, str(number))
    assert trained == {variable.path.split("/")[0] for variable in base.trainable_variables}
    with pytest.raises(SettingsError, match=r"no layer 'conv_pw_31'\. Near: .*conv_pw_13"):
        finetune.unfreeze_from(base, "conv_pw_31")


@pytest.mark.parametrize("schedule", ["cosine", "step"])
def test_the_rate_of_fine_tuning_rises_to_what_was_asked_for(schedule: str) -> None:
    rates = {
        wanted: finetune._schedule(
            TrainSettings(fine_tune_learning_rate=wanted, schedule=schedule), steps=10
        )
        for wanted in (None, 0.01)
    }
    highest = {
        wanted: max(float(rate(step)) for step in range(80)) for wanted, rate in rates.items()
    }
    assert highest == pytest.approx({None: finetune.LEARNING_RATE, 0.01: 0.01})
    with pytest.raises(SettingsError, match="fine_tune_learning_rate is 0"):
        TrainSettings(fine_tune_learning_rate=0.0)


def test_a_layer_that_is_not_there_is_told_before_anything_is_trained(shapes: Project) -> None:
    with pytest.raises(SettingsError, match="no layer 'top'"):
        planned(shapes, TrainSettings("mobilenet_v2_1.0_96", fine_tune_from="top"))
    with pytest.raises(SettingsError, match="leave out --fine-tune-from"):
        planned(shapes, TrainSettings(NAMES[0], weights=FROM_NOTHING, fine_tune_from="top"))


def test_without_a_round_nobody_can_teach(shapes: Project) -> None:
    with pytest.raises(NotScored, match="--distil"):
        train_final(shapes, TrainSettings(NAMES[0], weights=FROM_NOTHING, distil=0.5))


_ON_TWO_DEVICES = """
import sys
import numpy as np, tensorflow as tf
from pathlib import Path
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from cleaner.learning import devices, finetune
from cleaner.learning.architectures import open_architecture
from cleaner.learning.final_head import FinalHead
from cleaner.learning.training_set import gather
from cleaner.progress import silent
from cleaner.project import Project
from cleaner.settings import TrainSettings
folder = Path(sys.argv[2])
photos = gather(Project(Path(sys.argv[1])), seed=0)
backbone = open_architecture("mobilenet_v1_0.25_32", folder, weights="none")
rng = np.random.default_rng(0)
head = FinalHead(rng.normal(0, 0.05, (256, 3)).astype(np.float32), np.zeros(3, np.float32), {})
finetune.DROPOUT = 0.0
def trained(name):
    network = finetune.assembled(backbone, head)
    settings = TrainSettings(fine_tune_epochs=1, batch_size=9)
    tuned = finetune.fine_tune(network, photos, settings, folder / name, silent)
    plain = finetune.shippable(network, backbone, head)
    seen = np.asarray(plain.model(np.full((1, 32, 32, 3), 99, np.float32)))
    print(devices.strategy().num_replicas_in_sync, *tuned.history["loss"], *seen[0])
trained("alone")
# What a computer with two cards would say.
devices.cards = lambda: [device.name for device in tf.config.list_logical_devices("CPU")]
devices.strategy.cache_clear()
trained("shared")
"""


def test_several_cards_share_each_batch(shapes: Project, tmp_path: Path) -> None:
    words = [sys.executable, "-c", _ON_TWO_DEVICES, str(shapes.root), str(tmp_path)]
    finished = subprocess.run(words, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr[-2_000:]
    alone, shared = (line.split() for line in finished.stdout.splitlines())
    assert (alone[0], shared[0]) == ("1", "2")
    expected, found = (np.array(words[1:], float) for words in (alone, shared))
    np.testing.assert_allclose(found, expected, atol=1e-3)
