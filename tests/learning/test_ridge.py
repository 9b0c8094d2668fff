from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cleaner.learning.folds import SEALED
from cleaner.learning.heads.ridge import _Solver, ridge
from cleaner.learning.inputs import joined, spectrum
from cleaner.progress import silent
from tests.learning.samples import noisy_classes

PENALTY = 1e-3


def _solved_without(
    inputs: np.ndarray, targets: np.ndarray, left_out: np.ndarray, penalty: float
) -> np.ndarray:
    """The slow way: fit a ridge without some rows, then predict them."""
    kept = np.setdiff1d(np.arange(len(inputs)), left_out)
    gram = inputs[kept].T @ inputs[kept] + penalty * np.eye(inputs.shape[1])
    solved: np.ndarray = np.linalg.solve(gram, inputs[kept].T @ targets[kept])
    predictions: np.ndarray = inputs[left_out] @ solved
    return predictions


@pytest.mark.parametrize("items", [60, 12], ids=["tall", "wide"])
def test_left_out_predictions_equal_models_trained_without_the_item(items: int) -> None:
    data, _ = noisy_classes(items=items)
    inputs = joined(data.view_features).rows.astype(np.float64)
    targets = np.eye(4)[data.labels]
    everyone = np.ones(items, bool)
    fast = _Solver(inputs, everyone, targets, np.arange(items), spectrum(inputs)).left_out(PENALTY)
    for item in (0, 5, items - 1):
        slow = _solved_without(inputs, targets, np.array([item]), PENALTY * items)
        np.testing.assert_allclose(fast[[item]], slow, atol=1e-8)


@pytest.mark.parametrize("items", [60, 12], ids=["tall", "wide"])
def test_rows_and_predictions_follow_from_what_is_kept_of_the_solution(items: int) -> None:
    data, _ = noisy_classes(items=items)
    fit = ridge(data, silent).refit
    assert fit is not None
    np.testing.assert_allclose(data.geometry.joined.rows @ fit.basis, fit.rows, atol=1e-5)
    np.testing.assert_allclose(fit.rows @ fit.taught, fit.fitted, atol=1e-9)


def test_duplicates_leave_together() -> None:
    data, _ = noisy_classes(items=60)
    inputs = joined(data.view_features).rows.astype(np.float64)
    inputs[7] = inputs[33]
    inputs[8] = inputs[33]
    targets = np.eye(4)[data.labels]
    groups = np.arange(60)
    groups[[7, 8]] = 33
    fast = _Solver(inputs, np.ones(60, bool), targets, groups, spectrum(inputs)).left_out(PENALTY)
    slow = _solved_without(inputs, targets, np.array([7, 8, 33]), PENALTY * 60)
    np.testing.assert_allclose(fast[[7, 8, 33]], slow, atol=1e-8)


def test_a_wrongly_labelled_twin_does_not_vouch_for_its_copy() -> None:
    data, truth = noisy_classes(items=80, wrong=0)
    features = np.asarray(data.view_features[0])
    features[:, 1] = features[:, 5]
    labels = data.labels.copy()
    labels[[1, 5]] = (truth[5] + 1) % 4
    groups = data.groups.copy()
    groups[1] = groups[5]
    votes = ridge(replace(data, labels=labels, groups=groups), silent)
    assert list(votes.pred_probs[[1, 5]].argmax(axis=1)) == [truth[5], truth[5]]


def test_sealed_items_train_nothing() -> None:
    data, _ = noisy_classes()
    votes = ridge(data, silent)
    sealed = data.fold == SEALED
    labels = data.labels.copy()
    labels[sealed] = 0
    again = ridge(replace(data, labels=labels), silent)
    np.testing.assert_array_equal(votes.pred_probs, again.pred_probs)


def test_planted_errors_are_the_least_confident() -> None:
    data, _ = noisy_classes(wrong=12)
    probs = ridge(data, silent).pred_probs
    own = probs[np.arange(len(probs)), data.labels]
    assert set(np.argsort(own)[:12]) == set(range(12))


@pytest.mark.parametrize("items", [5, 12])
def test_fewer_items_than_features_are_no_trouble(items: int) -> None:
    data, _ = noisy_classes(items=items, classes=2, wrong=1)
    assert np.isfinite(ridge(data, silent).pred_probs).all()
