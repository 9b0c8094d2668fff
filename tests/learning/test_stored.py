from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cleaner import memory
from cleaner.errors import JobCancelled
from cleaner.learning.heads.ridge import ridge
from cleaner.learning.stored import StoredFeatures, fits, in_memory, placed
from cleaner.progress import Progress, silent
from tests.learning.samples import here_and_on_disk, noisy_classes, stored


@pytest.fixture
def on_disk(tmp_path: Path) -> tuple[StoredFeatures, ...]:
    data, _ = noisy_classes(items=50)
    return stored([np.asarray(each) for each in data.view_features], tmp_path, per_shard=8)


def test_parts_are_those_of_the_array(on_disk: tuple[StoredFeatures, ...]) -> None:
    (features,), (array,) = on_disk, in_memory(on_disk)
    some = np.array([49, 3, 17])
    assert features.shape == array.shape
    np.testing.assert_array_equal(features[1, 5:20], array[1, 5:20])
    np.testing.assert_array_equal(features[0, some], array[0, some])
    np.testing.assert_array_equal(features[:, some], array[:, some])
    np.testing.assert_array_equal(features[:1, 40:60], array[:1, 40:60])


def test_other_images_or_views_have_another_name(on_disk: tuple[StoredFeatures, ...]) -> None:
    (features,) = on_disk
    fewer = replace(features, content_hashes=features.content_hashes[1:])
    other = replace(features, name="of another network")
    names = {each.fingerprint() for each in (features, fewer, other)}
    assert len(names) == 3


def test_the_memory_decides_where_features_are(on_disk: tuple[StoredFeatures, ...]) -> None:
    views, items, width = on_disk[0].shape
    needed = 4 * (views + 2) * items * width
    assert fits(on_disk, 2 * needed)
    assert not fits(on_disk, needed)
    assert isinstance(placed(on_disk, "auto")[0], np.ndarray)
    assert isinstance(placed(on_disk, "memory")[0], np.ndarray)
    assert placed(on_disk, "disk") == on_disk


def test_there_is_some_memory_and_not_without_end() -> None:
    assert 2**20 < memory.available_bytes() < 2**50


def test_reading_is_told_of_and_can_be_cancelled(tmp_path: Path) -> None:
    _, data = here_and_on_disk(noisy_classes(items=50)[0], tmp_path)
    (features,) = data.view_features
    assert isinstance(features, StoredFeatures)
    told: list[Progress] = []
    ridge(replace(data, view_features=(replace(features, report=told.append),)), silent)
    assert {progress.done for progress in told} >= {50}

    def cancel(_progress: Progress) -> None:
        raise JobCancelled("Enough.")

    with pytest.raises(JobCancelled):
        ridge(replace(data, view_features=(replace(features, report=cancel),)), silent)
