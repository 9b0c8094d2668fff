from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleaner.noise import estimate
from tests.noise import noisy


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.2, 0.4])
def test_the_rate_of_random_errors_is_found(rate: float) -> None:
    labels, wrong, probs = noisy(5000, 8, rate=rate, seed=0)
    assert estimate(probs, labels).rate == pytest.approx(wrong.mean(), abs=0.02)


def test_clean_labels_show_no_noise() -> None:
    labels, _, probs = noisy(5000, 8, rate=0.0, seed=0)
    assert estimate(probs, labels).rate < 0.005


def test_a_class_whose_labels_stray_is_found_out() -> None:
    """Half of the images of class 0 are labelled 1; the other classes are clean."""
    labels, _, probs = noisy(6000, 4, rate=0.0, seed=1)
    strays = (labels == 0) & (np.arange(6000) % 2 == 0)
    labels = np.where(strays, 1, labels)
    found = estimate(probs, labels)
    assert found.transition[0, 1] > 0.25
    assert found.transition[2:, 2:].diagonal().min() > 0.95


def test_wrong_labels_are_probably_wrong_and_right_ones_probably_right() -> None:
    labels, wrong, probs = noisy(5000, 8, rate=0.2, seed=2)
    right = estimate(probs, labels).posterior(probs, labels)
    assert np.mean(right[wrong] < 0.5) > 0.9
    assert np.mean(right[~wrong] > 0.5) > 0.9


def test_no_images_and_one_class_have_no_noise() -> None:
    assert estimate(np.zeros((0, 3)), np.zeros(0, np.int64)).rate == 0
    assert estimate(np.ones((4, 1)), np.zeros(4, np.int64)).rate == 0


@given(st.integers(0, 1000), st.integers(2, 6), st.integers(1, 30))
def test_any_probabilities_give_a_stochastic_matrix_and_chances(
    seed: int, classes: int, items: int
) -> None:
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.full(classes, 0.2), size=items)
    labels = rng.integers(0, classes, items)
    found = estimate(probs, labels)
    np.testing.assert_allclose(found.transition.sum(axis=1), 1)
    right = found.posterior(probs, labels)
    assert ((right >= 0) & (right <= 1)).all()
    assert 0 <= found.rate <= 1
