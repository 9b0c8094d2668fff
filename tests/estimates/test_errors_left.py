"""How many errors are left, from a sample that was looked at blind."""

from __future__ import annotations

import numpy as np
import pytest

from cleaner.estimates import lots
from cleaner.estimates.errors_left import Cell, Reviewing, estimate, still_needed

_IMAGES, _SIZE = 2_000, 200


def test_what_reviews_have_found_is_not_left() -> None:
    band = Cell(0, "cat", images=1_000, reviewed=120, wrong=30, drawn=100, drawn_wrong=5)
    found = estimate([band], {"cat": 90})
    assert found is not None
    assert found.overall.errors == pytest.approx(1_000 * 5 / 100 - 30)
    assert found.overall.images == 880 + 90
    low, high = found.overall.interval
    assert low <= found.overall.rate <= high


def test_nothing_is_left_where_everything_was_looked_at() -> None:
    band = Cell(0, "cat", images=50, reviewed=50, wrong=20, drawn=3, drawn_wrong=1)
    found = estimate([band], {"cat": 40})
    assert found is not None
    assert (found.overall.errors, found.overall.high) == (0, 0)


def test_a_sample_without_errors_still_leaves_room_for_some() -> None:
    found = estimate([Cell(0, "cat", images=10_000, reviewed=100, drawn=100)], {"cat": 100})
    assert found is not None
    assert (found.overall.errors, found.overall.low) == (0, 0)
    assert found.overall.interval[1] == pytest.approx(0.025, abs=0.003)


def test_too_small_a_sample_says_nothing() -> None:
    cells = [Cell(0, "cat", images=100, reviewed=100), Cell(1, "cat", images=900, drawn=2)]
    assert estimate(cells, {}) is None
    assert still_needed(cells) == 3


def test_classes_add_up_to_the_whole() -> None:
    cells = [
        Cell(0, "cat", images=300, reviewed=40, wrong=4, drawn=30, drawn_wrong=3),
        Cell(0, "dog", images=700, reviewed=70, wrong=6, drawn=70, drawn_wrong=6),
    ]
    found = estimate(cells, {"cat": 36, "dog": 64})
    assert found is not None
    assert sum(one.errors for one in found.classes.values()) == pytest.approx(found.overall.errors)
    assert found.classes["cat"].errors == pytest.approx(1_000 / 100 * 3 - 4)


def test_what_reviewers_get_wrong_is_taken_off_and_added_again() -> None:
    band = Cell(0, "cat", images=1_000, reviewed=200, wrong=10, drawn=200, drawn_wrong=10)
    found = estimate([band], {"cat": 190}, Reviewing(0.05))
    assert found is not None
    # All that was found wrong may be due to the reviewers: only their own slips are left.
    assert found.overall.errors == pytest.approx(0.05 * 190)


def test_second_opinions_tell_how_often_decisions_are_wrong() -> None:
    few, many = Reviewing.of_opinions(40, 4), Reviewing.of_opinions(4_000, 400)
    assert many.error == pytest.approx((1 - 0.8**0.5) / 2, abs=0.001)
    assert few.spread > 5 * many.spread
    assert Reviewing.of_opinions(40, 40).error < 0.5
    band = Cell(0, "cat", images=2_000, reviewed=200, wrong=20, drawn=200, drawn_wrong=20)
    unsure, sure = (estimate([band], {"cat": 200}, one) for one in (few, many))
    assert unsure is not None
    assert sure is not None
    assert unsure.overall.high - unsure.overall.low > sure.overall.high - sure.overall.low


@pytest.mark.parametrize("slip", [0.0, 0.05])
@pytest.mark.parametrize("reviewed", [0.0, 0.5, 1.0])
def test_the_interval_covers_what_is_left_at_any_time(reviewed: float, slip: float) -> None:
    covered = [_covers(np.random.default_rng(seed), reviewed, slip) for seed in range(60)]
    assert np.mean(covered) >= 0.85


def _covers(rng: np.random.Generator, share_reviewed: float, slip: float) -> bool:
    """Plant 10% of errors, look at a sample and some of the queue, and count what is left."""
    wrong = rng.random(_IMAGES) < 0.1
    chance = 1 / (1 + np.exp(-rng.normal(np.where(wrong, 1.5, -3), 1.5)))
    flagged = chance > 0.4
    drawn = lots.draw(chance, np.zeros(_IMAGES, np.int64), flagged, rng)
    sampled = np.zeros(_IMAGES, bool)
    sampled[np.argsort(drawn.place)[:_SIZE]] = True
    queue = np.flatnonzero(flagged)[np.argsort(-chance[flagged])]
    known = sampled.copy()
    known[queue[: round(share_reviewed * queue.size)]] = True
    slips = known & (rng.random(_IMAGES) < slip)
    told = wrong ^ slips
    cells = [
        Cell(
            band,
            "cat",
            images=int((drawn.band == band).sum()),
            reviewed=int((known & (drawn.band == band)).sum()),
            wrong=int((known & told & (drawn.band == band)).sum()),
            drawn=int((sampled & (drawn.band == band)).sum()),
            drawn_wrong=int((sampled & told & (drawn.band == band)).sum()),
        )
        for band in range(3)
    ]
    found = estimate(cells, {"cat": int(known.sum())}, Reviewing(slip))
    assert found is not None
    left = (wrong & ~known).sum() + slips.sum()
    return bool(found.overall.low <= left <= found.overall.high)
