from __future__ import annotations

import numpy as np
import pytest

from cleaner import nearest, neighbourhoods
from cleaner.arrays import Features
from cleaner.nearest import NEVER


@pytest.fixture
def rows() -> Features:
    rows = np.random.default_rng(0).standard_normal((40, 6), np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def _sorted(found: nearest.Nearest) -> np.ndarray:
    order = np.argsort(-found.similarity, axis=1)
    return np.take_along_axis(found.items, order, axis=1)


def test_the_nearest_are_those_of_all_pairs_compared(rows: Features) -> None:
    similarity = rows @ rows.T
    np.fill_diagonal(similarity, NEVER)
    found = nearest.nearest(rows, 5)
    np.testing.assert_array_equal(_sorted(found), np.argsort(-similarity, axis=1)[:, :5])
    np.testing.assert_allclose(found.similarity.max(axis=1), similarity.max(axis=1), rtol=1e-6)


def test_a_part_at_a_time_finds_the_same(rows: Features, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = nearest.nearest(rows, 5, groups=np.arange(40) // 2)
    monkeypatch.setattr(nearest, "_ROWS", 7)
    np.testing.assert_array_equal(
        _sorted(nearest.nearest(rows, 5, groups=np.arange(40) // 2)), _sorted(whole)
    )


def test_of_many_rows_nearly_all_of_the_nearest_are_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    # Like features of photos: few directions, and crowds.
    crowds = rng.standard_normal((60, 8))[rng.integers(0, 60, 6_000)]
    spread = (crowds + 0.5 * rng.standard_normal(crowds.shape)) @ rng.standard_normal((8, 32))
    rows = (spread / np.linalg.norm(spread, axis=1, keepdims=True)).astype(np.float32)
    among = np.arange(6_000) % 10 > 0
    exact = nearest.nearest(rows, 10, among=among)
    monkeypatch.setattr(nearest, "_EXACT_ROWS", 1_000)
    monkeypatch.setattr(neighbourhoods, "_SEARCHED", 12)
    quick = nearest.nearest(rows, 10, among=among)
    assert among[quick.items].all()
    shared = [np.intersect1d(*pair).size for pair in zip(exact.items, quick.items, strict=True)]
    assert np.mean(shared) > 9.5


def test_where_neighbourhoods_are_empty_others_are_searched(
    rows: Features, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = nearest.nearest(rows, 39)
    monkeypatch.setattr(nearest, "_EXACT_ROWS", 10)
    monkeypatch.setattr(neighbourhoods, "_SEARCHED", 1)
    found = nearest.nearest(rows, 39)
    np.testing.assert_array_equal(_sorted(found), _sorted(exact))
    few = nearest.nearest(np.repeat(rows[:1], 40, axis=0), 5, groups=np.arange(40))
    assert (few.similarity > NEVER).all()


def test_nobody_is_near_its_own_group_or_those_left_out(rows: Features) -> None:
    groups, among = np.arange(40) // 3, np.arange(40) % 4 > 0
    found = nearest.nearest(rows, 5, groups=groups, among=among)
    assert among[found.items].all()
    assert (groups[found.items] != groups[:, None]).all()


def test_its_own_group_comes_last_where_others_are_too_few(rows: Features) -> None:
    found = nearest.nearest(rows[:4], 20, groups=np.array([0, 0, 1, 2]))
    assert found.items.shape == (4, 4)
    np.testing.assert_array_equal((found.similarity == NEVER).sum(axis=1), [2, 2, 1, 1])


def test_without_rows_nobody_is_near() -> None:
    found = nearest.nearest(np.zeros((0, 6), np.float32), 5)
    assert found.items.shape == (0, 0)
