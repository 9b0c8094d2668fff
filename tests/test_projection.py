from __future__ import annotations

import numpy as np
import pytest

from cleaner import projection
from cleaner.arrays import Likeness
from cleaner.errors import JobCancelled
from cleaner.progress import Progress
from cleaner.projection import Places


def _rows(count: int, clusters: int = 3, directions: int = 24) -> tuple[Likeness, np.ndarray]:
    rng = np.random.default_rng(5)
    centres = rng.normal(size=(clusters, directions))
    members = np.arange(count) % clusters
    rows = centres[members] + 0.1 * rng.normal(size=(count, directions))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.astype(np.float16), members


def _nearest_is_of_its_own(places: Places, members: np.ndarray) -> float:
    wide = places.astype(np.float64)
    apart = np.linalg.norm(wide[:, None] - wide[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    return float((members[apart.argmin(axis=1)] == members).mean())


def test_what_is_alike_lies_together() -> None:
    rows, members = _rows(90)
    places = projection.projected(rows, rng=np.random.default_rng(0))
    assert _nearest_is_of_its_own(places, members) == 1
    assert places.shape == (90, 2)
    assert float(np.abs(places).max()) == 1


def test_rows_beyond_the_sample_are_put_among_those_like_them() -> None:
    rows, members = _rows(240)
    told: list[Progress] = []
    places = projection.projected(
        rows, rng=np.random.default_rng(0), report=told.append, landmarks=90
    )
    assert _nearest_is_of_its_own(places, members) == 1
    assert ("Placing the other images", 150) in {(one.stage, one.total) for one in told}


def test_the_same_rows_and_seed_give_the_same_map() -> None:
    rows, _ = _rows(60)
    first, second = (projection.projected(rows, rng=np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("count", [0, 1, 2, 9, 10, 11])
def test_few_rows_have_places_too(count: int) -> None:
    rows, _ = _rows(max(count, 1))
    places = projection.projected(rows[:count], rng=np.random.default_rng(0))
    assert places.shape == (count, 2)
    assert np.isfinite(places).all()


def test_rows_that_are_all_the_same_have_places_too() -> None:
    places = projection.projected(np.ones((20, 4), np.float16), rng=np.random.default_rng(0))
    assert np.isfinite(places).all()


def test_whoever_is_told_may_end_it() -> None:
    rows, _ = _rows(60)

    def stop(progress: Progress) -> None:
        if progress.done >= 50:
            raise JobCancelled("enough")

    with pytest.raises(JobCancelled):
        projection.projected(rows, rng=np.random.default_rng(0), report=stop)
