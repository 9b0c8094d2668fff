from __future__ import annotations

import numpy as np
import pytest

from cleaner.rescoring.linear import Linear
from tests.rescoring.rounds import ridge_solved_anew, solved_round

ROUND = solved_round()
N_CLASSES = 4


def _linear() -> Linear:
    kept = ROUND.kept
    return Linear(
        kept.rows, kept.fitted.copy(), kept.leverage, kept.labels, kept.trains, kept.groups
    )


def _left_out(linear: Linear) -> np.ndarray:
    parts = iter([slice(0, 25), slice(25, 26), slice(26, 90)])
    return np.hstack([predictions for _part, predictions in linear.left_out(parts)]).T


@pytest.mark.parametrize("places", [[7], [3], [4, 31], [0, 1, 2, 3, 4, 5, 6, 7, 60, 61]], ids=str)
def test_relabelled_items_predict_as_a_ridge_solved_anew(places: list[int]) -> None:
    linear, labels = _linear(), ROUND.kept.labels.copy()
    labels[places] = (labels[places] + 2) % N_CLASSES
    linear.relabel(np.array(places), labels[places])
    expected = ridge_solved_anew(ROUND, labels, ROUND.kept.trains)
    np.testing.assert_allclose(_left_out(linear), expected, atol=1e-8)


@pytest.mark.parametrize("places", [[7], [3], [4, 31], list(range(40))], ids=str)
def test_without_some_items_it_predicts_as_a_ridge_solved_anew(places: list[int]) -> None:
    linear, learnt = _linear(), ROUND.kept.trains.copy()
    learnt[places] = False
    linear.leave(np.array(places))
    expected = ridge_solved_anew(ROUND, ROUND.kept.labels, learnt)
    np.testing.assert_allclose(_left_out(linear), expected, atol=1e-8)


def test_items_that_return_with_another_label_are_learnt_from_again() -> None:
    linear, labels = _linear(), ROUND.kept.labels.copy()
    for places in (np.array([2, 3, 4]), np.array([50])):
        linear.leave(places)
        labels[places] = (labels[places] + 1) % N_CLASSES
        linear.relabel(places, labels[places])
    linear.rejoin(np.array([50, 3, 2, 4]))
    expected = ridge_solved_anew(ROUND, labels, ROUND.kept.trains)
    np.testing.assert_allclose(_left_out(linear), expected, atol=1e-8)
