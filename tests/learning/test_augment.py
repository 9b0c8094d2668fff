from __future__ import annotations

import numpy as np
import pytest

from cleaner.learning import augment
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
