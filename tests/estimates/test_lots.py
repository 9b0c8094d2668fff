"""Lots: whoever looks at the first images of a band looks at a random sample of it."""

from __future__ import annotations

import numpy as np
import pytest

from cleaner.estimates import lots
from cleaner.estimates.lots import DOUBTFUL, FLAGGED, TRUSTED, Lots


def _drawn(images: int = 3_000, *, seed: int = 0) -> tuple[Lots, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    wrong, labels = rng.beta(0.1, 3, images), rng.integers(0, 4, images)
    return lots.draw(wrong, labels, wrong > 0.4, rng), wrong, labels


def test_the_same_seed_draws_the_same_images() -> None:
    (first, *_), (again, *_) = _drawn(), _drawn()
    assert np.array_equal(first.place, again.place)
    assert not np.array_equal(first.place, _drawn(seed=1)[0].place)


def test_what_the_queue_puts_up_is_a_band_and_the_rest_is_split_by_doubt() -> None:
    drawn, wrong, _ = _drawn()
    assert np.array_equal(drawn.band == FLAGGED, wrong > 0.4)
    assert wrong[drawn.band == DOUBTFUL].min() >= wrong[drawn.band == TRUSTED].max()


def test_of_what_is_reviewed_anyway_one_in_ten_is_drawn_and_of_the_rest_by_its_spread() -> None:
    drawn, wrong, _ = _drawn()
    spread = np.sqrt(np.clip(wrong, 0.01, 0.5) * (1 - np.clip(wrong, 0.01, 0.5)))
    first = np.argsort(drawn.place)[: lots.usual_size(wrong.size)]
    flagged = (drawn.band == FLAGGED).sum()
    assert (drawn.band[first] == FLAGGED).sum() == pytest.approx(flagged / 10, abs=1)
    left = first.size - flagged / 10
    for band in (DOUBTFUL, TRUSTED):
        due = left * spread[drawn.band == band].sum() / spread[drawn.band != FLAGGED].sum()
        assert (drawn.band[first] == band).sum() == pytest.approx(due, abs=2)


def test_of_few_suspects_some_are_drawn_all_the_same() -> None:
    rng = np.random.default_rng(0)
    wrong = np.concatenate([np.full(10, 0.05), np.full(990, 0.02)])
    flagged = np.arange(1_000) < 10
    drawn = lots.draw(wrong, np.zeros(1_000, int), flagged, rng)
    first = np.argsort(drawn.place)[:200]
    assert (drawn.band[first] == FLAGGED).sum() == lots.LEAST_DRAWN


def test_all_can_be_suspects() -> None:
    rng = np.random.default_rng(0)
    drawn = lots.draw(np.full(50, 0.9), np.zeros(50, int), np.ones(50, bool), rng)
    assert (drawn.band == FLAGGED).all()
    assert (np.sort(drawn.place)[:10] <= lots.usual_size(50) / 50).all()


def test_classes_take_turns_by_their_sizes_however_many_are_looked_at() -> None:
    drawn, _, labels = _drawn()
    trusted = np.flatnonzero(drawn.band == TRUSTED)
    trusted = trusted[np.argsort(drawn.place[trusted])]
    for seen in (40, 100):
        counts = np.bincount(labels[trusted[:seen]], minlength=4)
        due = np.bincount(labels[trusted], minlength=4) / trusted.size * seen
        assert np.abs(counts - due).max() <= 1.5


def test_each_image_of_a_band_is_as_likely_to_come_first() -> None:
    wrong = np.repeat([0.9, 0.001], [20, 80])
    labels = np.tile([0, 1], 50)
    first = np.zeros(100)
    for seed in range(2_000):
        drawn = lots.draw(wrong, labels, wrong > 0.5, np.random.default_rng(seed))
        first[np.argsort(np.where(drawn.band == FLAGGED, drawn.place, 9))[0]] += 1
    assert not first[20:].any()
    assert first[:20] == pytest.approx(np.full(20, 100), abs=45)


def test_no_band_is_left_out() -> None:
    wrong = np.r_[np.full(8, 0.9), np.full(992, 0.0001)]
    drawn = lots.draw(wrong, np.zeros(1_000, np.int64), wrong > 0.5, np.random.default_rng(0))
    first = np.argsort(drawn.place)[: lots.usual_size(1_000)]
    assert (drawn.band[first] == FLAGGED).sum() >= 5


@pytest.mark.parametrize(("images", "size"), [(0, 0), (1, 1), (12, 3), (1_000, 200), (10**6, 200)])
def test_a_small_dataset_is_not_drawn_whole(images: int, size: int) -> None:
    assert lots.usual_size(images) == size


def test_without_suspects_or_doubts_all_are_trusted() -> None:
    drawn = lots.draw(
        np.zeros(3), np.zeros(3, np.int64), np.zeros(3, bool), np.random.default_rng(0)
    )
    assert drawn.band.tolist() == [TRUSTED] * 3
