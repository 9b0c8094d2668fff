"""A network trained on small photos of coloured shapes, fold by fold."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cleaner.arrays import ItemMask
from cleaner.backbones import open_backbone
from cleaner.errors import JobCancelled, SettingsError
from cleaner.learning import finetuned, folds
from cleaner.learning.bottlenecks import Source
from cleaner.learning.final_head import FinalHead
from cleaner.learning.finetuned import FineTuned, input_side_px
from cleaner.learning.folds import SEALED
from cleaner.learning.heads import TrainingData
from cleaner.learning.scoring import Examples, out_of_fold
from cleaner.learning.tuned_network import Shape, TunedNetwork
from cleaner.progress import Progress, Report, silent
from cleaner.settings import ScoreSettings
from tests.shapes import SHAPES, write_shapes

pytestmark = [
    pytest.mark.slow,
    # Keras hands its variables to NumPy 2 in a way that is deprecated.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:tensorflow"),
]

EACH = 12
SETTINGS = ScoreSettings(
    mode="finetune",
    folds=2,
    fine_tune_backbone="mobilenet_v1_1.0_224",
    fine_tune_epochs=2,
    fine_tune_side_px=64,
)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[Source]:
    root = write_shapes(tmp_path_factory.mktemp("data") / "shapes", each=EACH)
    paths = [root / kind / f"{number}.png" for kind in SHAPES for number in range(EACH)]
    return [Source(p, root, hashlib.sha256(p.read_bytes()).hexdigest()) for p in paths]


@pytest.fixture(scope="module")
def data() -> TrainingData:
    """Two images of each kind are sealed, and one circle is labelled a square."""
    labels = np.repeat(np.arange(len(SHAPES)), EACH)
    sealed = _sealed()
    groups = np.arange(labels.size)
    fold = folds.stratified(labels, groups, folds=2, sealed=sealed, rng=np.random.default_rng(0))
    labels[2] = 1
    return TrainingData((), labels, len(SHAPES), groups, fold, seed=0)


def _sealed() -> ItemMask:
    return np.tile(np.arange(EACH) < 2, len(SHAPES))


def _member(sources: list[Source], cache: Path) -> FineTuned:
    return finetuned.gathered(sources, [64] * len(sources), SETTINGS, cache)


def _probs(
    sources: list[Source], cache: Path, data: TrainingData, report: Report = silent
) -> np.ndarray:
    return _member(sources, cache)(data, report).pred_probs


@dataclass(frozen=True, slots=True)
class Finished:
    probs: np.ndarray
    cache: Path

    def copied(self, folder: Path) -> Path:
        return Path(shutil.copytree(self.cache, folder / "copy"))


@pytest.fixture(scope="module")
def finished(
    sources: list[Source], data: TrainingData, tmp_path_factory: pytest.TempPathFactory
) -> Finished:
    cache = tmp_path_factory.mktemp("finished")
    return Finished(_probs(sources, cache, data), cache)


@pytest.fixture(scope="module")
def unbroken(finished: Finished) -> np.ndarray:
    return finished.probs


def test_it_finds_the_truth_behind_a_wrong_label(unbroken: np.ndarray) -> None:
    truth = np.repeat(np.arange(len(SHAPES)), EACH)
    np.testing.assert_allclose(unbroken.sum(axis=1), 1, atol=1e-6)
    assert (unbroken.argmax(axis=1) == truth).mean() > 0.8
    assert unbroken[2].argmax() == 0


def test_a_label_has_no_part_in_its_own_images_probabilities(
    sources: list[Source], data: TrainingData, finished: Finished, tmp_path: Path
) -> None:
    labels = data.labels.copy()
    labels[2] = 2
    _probs(sources, tmp_path, replace(data, labels=labels))
    renamed, as_before = _views(tmp_path), _views(finished.cache)
    own_fold = int(data.fold[2])
    np.testing.assert_allclose(renamed[own_fold], as_before[own_fold], atol=1e-5)
    assert not np.allclose(renamed[1 - own_fold], as_before[1 - own_fold], atol=1e-3)


def _views(cache: Path) -> list[np.ndarray]:
    """Return what each fold's network said before anything was calibrated."""
    archives = [np.load(path) for path in sorted(cache.glob("fine_tuned/*/fold-*.npz"))]
    return [archive["views-0"] for archive in archives]


def test_sealed_images_train_nothing(
    sources: list[Source], data: TrainingData, unbroken: np.ndarray, tmp_path: Path
) -> None:
    labels = np.where(data.fold == SEALED, 0, data.labels)
    probs = _probs(sources, tmp_path, replace(data, labels=labels))
    np.testing.assert_allclose(probs, unbroken, atol=1e-5)


def test_a_broken_run_goes_on_and_ends_where_an_unbroken_one_does(
    sources: list[Source], data: TrainingData, unbroken: np.ndarray, tmp_path: Path
) -> None:
    for stop_at in ("epoch 2, loss", "judging"):
        with pytest.raises(JobCancelled):
            _probs(sources, tmp_path, data, _stopping(stop_at))
    told: list[Progress] = []
    probs = _probs(sources, tmp_path, data, told.append)
    firsts = {p.stage: p.message for p in reversed(told) if p.message.startswith("epoch")}
    # The first fold was trained and waited to be judged; the second had not begun.
    assert firsts["Fine-tuning for fold 1 of 2"].startswith("epoch 1, loss")
    assert sum("fold 1 of 2" in p.stage and bool(p.curves) for p in told) == 2
    np.testing.assert_allclose(probs, unbroken, atol=1e-4)


def _stopping(words: str) -> Report:
    def stop(progress: Progress) -> None:
        if progress.message.startswith(words):
            raise JobCancelled("Cancelled by the user.")

    return stop


def test_finished_folds_are_not_trained_again(
    sources: list[Source], data: TrainingData, finished: Finished
) -> None:
    told: list[Progress] = []
    again = _probs(sources, finished.cache, data, told.append)
    np.testing.assert_array_equal(again, finished.probs)
    assert {progress.message for progress in told} == {"kept from an earlier run"}
    assert sum("fine-tuning loss" in progress.curves for progress in told) == 4
    assert not list(finished.cache.glob("fine_tuned/*/*unfinished*"))


def test_other_labels_begin_anew_and_leave_nothing_behind(
    sources: list[Source], data: TrainingData, tmp_path: Path
) -> None:
    for labels in (data.labels, np.roll(data.labels, 1)):
        with pytest.raises(JobCancelled):
            _probs(sources, tmp_path, replace(data, labels=labels), _stopping("epoch 2, loss"))
    assert len(list(tmp_path.glob("fine_tuned/*"))) == 1


def test_damaged_leavings_are_done_again(
    sources: list[Source], data: TrainingData, finished: Finished, tmp_path: Path
) -> None:
    cache = finished.copied(tmp_path)
    for path in (*cache.glob("fine_tuned/*/fold-0.npz"), *cache.glob("pictures/*/*.npy")):
        path.write_bytes(path.read_bytes()[:200])
    np.testing.assert_allclose(_probs(sources, cache, data), finished.probs, atol=1e-4)


def test_the_committee_gets_a_further_member(
    sources: list[Source], data: TrainingData, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    features = rng.random((2, data.labels.size, 8), dtype=np.float32)
    names = SHAPES
    examples = Examples(
        np.arange(data.labels.size), (features,), data.labels, names, data.groups, _sealed()
    )
    member = {finetuned.NAME: _member(sources, tmp_path)}
    judged = out_of_fold(examples, SETTINGS, more_heads=member)
    assert judged.member_names[-1] == finetuned.NAME
    assert len(judged.committee_probs) == len(judged.member_names)
    # The features are chance, so what the committee knows it has from the pictures.
    assert (judged.pred_probs.argmax(axis=1) == data.labels).mean() > 0.7


def test_the_side_goes_by_the_images_own() -> None:
    settings = replace(SETTINGS, fine_tune_side_px=None)
    sides = [input_side_px(settings, [side_px] * 3) for side_px in (8, 32, 64, 4_000)]
    assert sides[:2] == [96, 128]
    assert sides[2] == sides[3] <= 224
    assert input_side_px(SETTINGS, [4_000]) == 64


def test_a_model_of_the_users_own_sees_images_at_its_side(tmp_path: Path) -> None:
    import keras

    photos = keras.Input((48, 48, 3))
    features = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(photos))
    path = tmp_path / "own.keras"
    keras.Model(photos, features).save(path)
    settings = replace(SETTINGS, fine_tune_backbone=str(path), fine_tune_side_px=None)
    assert input_side_px(settings, [4_000]) == 48


def test_frozen_layers_and_batch_statistics_stay_as_they_are() -> None:
    network = TunedNetwork(open_backbone("mobilenet_v1_1.0_224"), Shape(32, 2, 0.3))
    base = network._base
    before = [np.array(variable) for variable in base.non_trainable_variables]
    network.begin(_no_head(base))
    photos = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    network.step(photos, np.array([0, 1, 0, 1]), rate=1e-2, seed=(0, 0))
    for old, variable in zip(before, base.non_trainable_variables, strict=True):
        np.testing.assert_array_equal(old, np.array(variable))


def test_half_precision_trains_too() -> None:
    import keras

    keras.config.set_dtype_policy("mixed_float16")
    try:
        network = TunedNetwork(open_backbone("mobilenet_v1_1.0_224"), Shape(32, 2, 0.1))
    finally:
        keras.config.set_dtype_policy("float32")
    network.begin(_no_head(network._base))
    photos = np.zeros((4, 32, 32, 3), np.uint8)
    photos[1::2] = 255
    # The first steps find out how far gradients can be scaled, and change nothing.
    losses = [
        network.step(photos, np.array([0, 1, 0, 1]), rate=1e-3, seed=(0, step))
        for step in range(24)
    ]
    assert losses[-1] < losses[0]
    assert network.probs(photos).dtype == np.float32


def _no_head(base: Any) -> FinalHead:
    return FinalHead(np.zeros((base.output_shape[-1], 2), np.float32), np.zeros(2, np.float32), {})


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "magic"},
        {"fine_tune_fraction": 1.5},
        {"fine_tune_epochs": 0},
        {"fine_tune_side_px": 8},
        {"cores_per_worker": 0},
        {"gpus_per_worker": 0.001},
        {"gpus_per_worker": 1.5},
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        replace(SETTINGS, **wrong)  # type: ignore[arg-type]
