"""Very many photos labelled, and a killed run that goes on."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cleaner import classifier, engines, labelling, ledger
from cleaner.classifier import Outcome
from cleaner.engines import LocalEngine
from cleaner.errors import EngineError, ImageRejected, JobCancelled, ModelError
from cleaner.progress import Progress
from tests.classifiers import classifier_file
from tests.pictures import write_image

COUNT = 40


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return classifier_file(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("photos")
    return [write_image(folder / f"{n:02d}.png", seed=n, size=(24, 24)) for n in range(COUNT)]


class Heard:
    """Hears how far it is, and stops it after so many photos."""

    def __init__(self, stop_at: int = COUNT + 1) -> None:
        self.done: list[int] = []
        self._stop_at = stop_at

    def __call__(self, progress: Progress) -> None:
        self.done.append(progress.done)
        if progress.done >= self._stop_at:
            raise JobCancelled("Enough.")


def look(model: Path, photos: list[Path], kept_in: Path, heard: Heard) -> Iterator[Outcome]:
    return labelling.outcomes(model, photos, LocalEngine(), kept_in=kept_in, report=heard)


def test_what_was_kept_is_not_looked_at_again(
    model: Path, photos: list[Path], tmp_path: Path
) -> None:
    with pytest.raises(JobCancelled):
        list(look(model, photos, tmp_path, Heard(stop_at=COUNT - 2)))
    kept = [path.read_bytes() for path in sorted(tmp_path.rglob("*.npz"))]
    assert kept

    again = Heard()
    gone_on = list(look(model, photos, tmp_path, again))

    assert again.done[0] >= 16  # a chunk of the first run at least
    fresh = list(look(model, photos, tmp_path / "other", Heard()))
    assert [path for path, _ in gone_on] == photos
    for (_, found), (_, usual) in zip(gone_on, fresh, strict=True):
        np.testing.assert_array_equal(found, usual)
    whole = Heard()
    list(look(model, photos, tmp_path, whole))
    assert whole.done == [COUNT]


@pytest.mark.parametrize("cut_short", [True, False])
def test_a_damaged_shard_is_computed_again(
    model: Path, photos: list[Path], tmp_path: Path, cut_short: bool
) -> None:
    usual = list(look(model, photos[:3], tmp_path, Heard()))
    (shard,) = tmp_path.rglob("*.npz")
    data = bytearray(shard.read_bytes())
    # A byte of the first probabilities.
    data[data.index(np.asarray(usual[0][1]).tobytes())] ^= 1
    shard.write_bytes(data[:100] if cut_short else data)

    found = list(look(model, photos[:3], tmp_path, Heard()))

    for (_, row), (_, usual_row) in zip(found, usual, strict=True):
        np.testing.assert_array_equal(row, usual_row)


def test_another_photo_under_its_name_and_what_could_not_be_read_are_looked_at_again(
    model: Path, tmp_path: Path
) -> None:
    paths = [write_image(tmp_path / f"{n}.png", seed=n) for n in range(2)]
    paths[1].write_bytes(b"")
    first = dict(look(model, paths, tmp_path / "kept", Heard()))
    assert isinstance(first[paths[1]], ImageRejected)

    write_image(paths[0], seed=7)
    os.utime(paths[0], ns=(0, 0))
    write_image(paths[1], seed=1)
    second = dict(look(model, paths, tmp_path / "kept", Heard()))

    assert (np.asarray(second[paths[0]]) != np.asarray(first[paths[0]])).any()
    assert isinstance(second[paths[1]], np.ndarray)


def test_a_folder_that_takes_nothing_is_one_clear_line(
    model: Path, photos: list[Path], tmp_path: Path
) -> None:
    blocked = tmp_path / "a file"
    blocked.touch()
    with pytest.raises(EngineError, match=rf"^{re.escape(str(blocked))}[^\n]+\.$"):
        list(look(model, photos[:1], blocked, Heard()))


def test_a_worker_with_another_model_says_so(model: Path) -> None:
    with pytest.raises(ModelError, match="a worker has another model"):
        labelling._Labelling(model, "0" * 64, uses_gpu=False).open()


@pytest.mark.parametrize(("name", "uses_gpu"), [("digits.tflite", False), ("digits.keras", True)])
def test_a_model_that_tensorflow_runs_takes_a_card_also_where_answers_are_kept(
    tmp_path: Path, name: str, uses_gpu: bool
) -> None:
    (tmp_path / name).touch()
    assert classifier.uses_gpu(tmp_path / name) == uses_gpu
    work = labelling._Labelling(tmp_path / name, "0" * 64, uses_gpu=uses_gpu)
    assert engines.uses_gpu(ledger._Keeping(work, tmp_path)) == uses_gpu
