from __future__ import annotations

import numpy as np
import pytest

from cleaner.learning import augment
from cleaner.settings import Distortions
from tests.pictures import picture


def test_the_same_seed_gives_the_same_view_and_another_seed_another() -> None:
    image = np.asarray(picture(3, size=(90, 70)))
    first, again, other = (
        augment.augmented(image, 32, np.random.default_rng(seed)) for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (300, 20), (64, 64)])
def test_views_are_square_whatever_the_image(size: tuple[int, int]) -> None:
    image = np.asarray(picture(1, size=size))
    for seed in range(8):
        view = augment.augmented(image, 48, np.random.default_rng(seed))
        assert view.shape == (48, 48, 3)
        assert view.dtype == np.uint8


def test_no_strength_changes_nothing_but_the_size() -> None:
    still = augment.Strength(1.0, 1.0, 0.0, 0.0, 0.0, 0.0, flip=False)
    image = np.asarray(picture(2, size=(48, 48)))
    view = augment.augmented(image, 48, np.random.default_rng(0), still)
    assert np.abs(view.astype(int) - image).max() <= 1


def _views(image: np.ndarray, distortions: Distortions, count: int = 40) -> list[np.ndarray]:
    generators = (np.random.default_rng(seed) for seed in range(count))
    return [augment.view(image, 24, rng, distortions).astype(int) for rng in generators]


def test_half_the_distorted_views_are_mirrored() -> None:
    image = np.asarray(picture(2, size=(24, 24)))
    views = _views(image, Distortions(flip=True))
    mirrored = sum(bool((view == image[:, ::-1]).all()) for view in views)
    assert 10 < mirrored < 30
    assert all((view == image).all() or (view == image[:, ::-1]).all() for view in views)


def test_brightness_changes_by_at_most_so_many_percent() -> None:
    image = np.full((24, 24, 3), 100, np.uint8)
    levels = [view.mean() for view in _views(image, Distortions(brightness_percent=20.0))]
    assert 80 <= min(levels) < 85
    assert 115 < max(levels) <= 120


@pytest.mark.parametrize(
    ("distortions", "least", "most"),
    [
        (Distortions(crop_percent=50.0), 16, 16),
        (Distortions(scale_percent=50.0), 16, 24),
        (Distortions(crop_percent=20.0, scale_percent=20.0), 24 / 1.44, 20),
    ],
)
def test_a_crop_leaves_a_margin_of_so_many_percent(
    distortions: Distortions, least: float, most: float
) -> None:
    """Columns of rising grey say which part of the picture is seen."""
    image = np.repeat(np.arange(24, dtype=np.uint8)[None, :, None] * 10, 24, axis=0)
    seen = [
        (view[12, -3, 0] - view[12, 2, 0]) / 10 * 24 / 19
        for view in _views(np.repeat(image, 3, axis=2), distortions)
    ]
    assert least - 1 < min(seen)
    assert max(seen) < most + 1
    assert (max(seen) - min(seen) > 2) == (distortions.scale_percent > 0)


def test_views_drawn_otherwise_are_kept_apart() -> None:
    keys = {
        augment.key(distortions)
        for distortions in (None, Distortions(flip=True), Distortions(crop_percent=5.0))
    }
    assert len(keys) == 3
