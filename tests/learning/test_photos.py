"""Batches for fine-tuning."""

from __future__ import annotations

import numpy as np
import pytest

from cleaner import images
from cleaner.learning import photos as reading
from cleaner.learning.photos import Batch, augmented_batches, plain_batches
from cleaner.learning.training_set import Photo, gather
from cleaner.project import Project


@pytest.fixture
def photos(project: Project) -> tuple[Photo, ...]:
    found = gather(project, seed=0)
    return (*found.train, *found.validation, *found.test)


def epoch(photos: tuple[Photo, ...], number: int) -> list[Batch]:
    return list(augmented_batches(photos, side_px=32, batch_size=5, seed=0, epoch=number))


def test_an_epoch_has_every_photo_once_in_even_batches(photos: tuple[Photo, ...]) -> None:
    batches = epoch(photos, 0)
    assert [len(batch.labels) for batch in batches] == [4, 4, 4]
    assert (
        sorted(np.concatenate([batch.labels for batch in batches])) == [0] * 4 + [1] * 4 + [2] * 4
    )


def test_an_epoch_repeats_exactly(photos: tuple[Photo, ...]) -> None:
    for one, other in zip(epoch(photos, 1), epoch(photos, 1), strict=True):
        np.testing.assert_array_equal(one.photos, other.photos)


def test_the_next_epoch_shows_other_views(photos: tuple[Photo, ...]) -> None:
    one, other = (np.concatenate([b.photos for b in epoch(photos, n)]) for n in (0, 1))
    assert not np.array_equal(np.sort(one, axis=0), np.sort(other, axis=0))


def test_plain_batches_keep_the_order_and_the_pixels(photos: tuple[Photo, ...]) -> None:
    batches = list(plain_batches(photos, side_px=32, batch_size=5))
    assert [len(batch.labels) for batch in batches] == [5, 5, 2]
    source = photos[0].source
    expected = images.squared(images.load(source.path, root=source.root), 32)
    np.testing.assert_array_equal(batches[0].photos[0], expected)


def test_a_photo_that_has_gone_is_marked(
    photos: tuple[Photo, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Other tests have seen these pictures, and they may still be in memory.
    monkeypatch.setattr(reading, "_album", reading.Album(0))
    photos[1].source.path.unlink()
    (batch,) = plain_batches(photos, side_px=32, batch_size=50)
    assert np.flatnonzero(~batch.readable).tolist() == [1]
    assert not batch.photos[1].any()
