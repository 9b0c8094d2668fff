"""Networks that learn by gradient learn the same wherever their numbers lie."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cleaner.errors import JobCancelled
from cleaner.learning import dealing, inputs
from cleaner.learning.dealing import dealt
from cleaner.learning.geometry import Geometry
from cleaner.learning.heads import HEADS
from cleaner.learning.heads.mlp import mlp
from cleaner.learning.views_on_disk import ViewsOnDisk
from cleaner.progress import Progress, silent
from tests.learning.samples import here_and_on_disk, noisy_classes


@pytest.fixture(autouse=True)
def _many_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "_ROWS_AT_ONCE", 37)


@pytest.fixture
def small_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deal out 200 images to several buffers."""
    monkeypatch.setattr(dealing, "BUFFER", 48)
    monkeypatch.setattr(dealing, "BLOCK", 4)


@pytest.fixture
def on_disk(tmp_path: Path) -> Geometry:
    _, data = here_and_on_disk(noisy_classes()[0], tmp_path)
    return data.geometry


@pytest.mark.parametrize("head", ["mlp", "linear"])
@pytest.mark.usefixtures("small_buffers")
def test_votes_are_to_the_last_bit_those_of_memory(head: str, tmp_path: Path) -> None:
    here, on_disk = here_and_on_disk(noisy_classes()[0], tmp_path)
    votes, again = HEADS[head](here, silent), HEADS[head](on_disk, silent)
    assert isinstance(on_disk.geometry.reduced, ViewsOnDisk)
    np.testing.assert_array_equal(again.pred_probs, votes.pred_probs)
    np.testing.assert_array_equal(again.view_probs, votes.view_probs)


@pytest.mark.usefixtures("small_buffers")
def test_buffers_learn_the_classes_as_well_as_one_shuffle(monkeypatch: pytest.MonkeyPatch) -> None:
    """In order of their classes, as folders are read."""
    data, truth = noisy_classes(items=400)
    order = np.argsort(truth, kind="stable")
    sorted_data = replace(
        data,
        view_features=tuple(np.asarray(each)[:, order] for each in data.view_features),
        labels=data.labels[order],
        fold=data.fold[order],
    )
    right = []
    for size in (48, 2**16):
        monkeypatch.setattr(dealing, "BUFFER", size)
        probs = mlp(sorted_data, silent).pred_probs
        right.append((probs.argmax(axis=1) == truth[order]).mean())
    assert right[0] > right[1] - 0.02


@pytest.mark.usefixtures("small_buffers")
def test_every_item_is_dealt_once_and_every_buffer_sees_the_whole_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dealing, "BUFFER", 200)
    rng = np.random.default_rng(0)
    items = np.setdiff1d(np.arange(1000), rng.integers(1000, size=50))
    buffers = dealt(items, rng)
    np.testing.assert_array_equal(np.sort(np.concatenate(buffers)), items)
    assert len(buffers) == 5
    for buffer in buffers:
        assert (np.diff(buffer) > 0).all()
        shares = np.histogram(buffer, bins=4, range=(0, 1000))[0] / buffer.size
        assert (np.abs(shares - 0.25) < 0.1).all()


def test_what_fits_into_one_buffer_is_not_dealt() -> None:
    rng = np.random.default_rng(0)
    (buffer,) = dealt(np.arange(100), rng)
    np.testing.assert_array_equal(buffer, np.arange(100))
    assert rng.random() == np.random.default_rng(0).random()


def test_views_on_disk_are_read_as_the_array_is(on_disk: Geometry) -> None:
    views = on_disk.reduced
    assert isinstance(views, ViewsOnDisk)
    array = inputs.reduced(on_disk.view_features, on_disk.trains)
    some, each = np.array([150, 3, 199, 70]), np.array([0, 1, 1, 0])
    np.testing.assert_array_equal(views[:, :], array)
    np.testing.assert_array_equal(views[:, 60:140], array[:, 60:140])
    np.testing.assert_array_equal(views[:, some], array[:, some])
    np.testing.assert_array_equal(views[each, some], array[each, some])
    np.testing.assert_array_equal(views[:, some[:0]], array[:, some[:0]])


@pytest.mark.parametrize("damage", [b"", b"no array"])
def test_a_damaged_file_is_written_again(on_disk: Geometry, damage: bytes) -> None:
    views = on_disk.reduced
    assert isinstance(views, ViewsOnDisk)
    known = views[:, :]
    views.path.write_bytes(damage)
    np.testing.assert_array_equal(replace(on_disk).reduced[:, :], known)


def test_a_folder_that_takes_nothing_is_done_without(tmp_path: Path, on_disk: Geometry) -> None:
    blocked = tmp_path / "a file"
    blocked.touch()
    held = replace(on_disk, folder=blocked / "kept").reduced
    np.testing.assert_array_equal(held, on_disk.reduced[:, :])


@pytest.mark.usefixtures("small_buffers")
def test_a_long_epoch_can_be_cancelled_within() -> None:
    data, _ = noisy_classes()
    told: list[Progress] = []

    def cancel(progress: Progress) -> None:
        told.append(progress)
        raise JobCancelled("Enough.")

    with pytest.raises(JobCancelled):
        mlp(data, cancel)
    assert [progress.done for progress in told] == [0]
