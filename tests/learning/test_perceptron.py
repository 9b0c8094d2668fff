from __future__ import annotations

import numpy as np
import pytest

from cleaner.arrays import Features, Labels
from cleaner.learning.perceptron import Perceptron, probabilities

SIDES = [(6, 3), (6, 5, 3)]


@pytest.fixture
def rows() -> Features:
    return np.random.default_rng(1).standard_normal((40, 6), np.float32)


@pytest.fixture
def labels(rows: Features) -> Labels:
    """Classes that no line parts: a sign, and whether two numbers agree in theirs."""
    labels: Labels = (rows[:, 0] > 0).astype(np.int64) + (rows[:, 1] * rows[:, 2] > 0)
    return labels


def _loss(network: Perceptron, rows: Features, labels: Labels) -> float:
    own = probabilities(network.layers, rows)[np.arange(len(labels)), labels]
    return float(-np.log(own).mean())


@pytest.mark.parametrize("sides", SIDES)
def test_the_first_step_goes_down_the_slope_of_each_number(
    sides: tuple[int, ...], rows: Features, labels: Labels
) -> None:
    """Adam's first step has the length of the rate for each number, against its slope."""
    network = Perceptron(sides, np.random.default_rng(0))
    before = [array.copy() for layer in network.layers for array in layer]
    slopes = []
    for array in (array for layer in network.layers for array in layer):
        slope = np.zeros_like(array)
        for place in np.ndindex(array.shape):
            kept, losses = array[place], []
            for shift in (1e-2, -1e-2):
                array[place] = kept + shift
                losses.append(_loss(network, rows, labels))
            array[place] = kept
            slope[place] = (losses[0] - losses[1]) / 2e-2
        slopes.append(slope)
    assert network.learn(rows, labels, rate=1e-3) == pytest.approx(
        _loss(Perceptron(sides, np.random.default_rng(0)), rows, labels), abs=1e-5
    )
    after = [array for layer in network.layers for array in layer]
    for old, new, slope in zip(before, after, slopes, strict=True):
        steep = np.abs(slope) > 1e-3
        np.testing.assert_allclose((new - old)[steep], -1e-3 * np.sign(slope[steep]), rtol=1e-2)


def test_it_learns_what_no_line_parts(rows: Features, labels: Labels) -> None:
    network = Perceptron((6, 32, 3), np.random.default_rng(0))
    for _ in range(300):
        network.learn(rows, labels, rate=1e-2)
    assert (probabilities(network.layers, rows).argmax(axis=1) == labels).all()


def test_a_copy_stays_as_it_was(rows: Features, labels: Labels) -> None:
    network = Perceptron((6, 5, 3), np.random.default_rng(0))
    copied = network.copied()
    before = probabilities(copied, rows)
    network.learn(rows, labels, rate=1e-1)
    np.testing.assert_array_equal(probabilities(copied, rows), before)
    assert (probabilities(network.layers, rows) != before).any()
