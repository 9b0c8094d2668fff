"""A small network that learns by gradient, in numpy alone.

scikit-learn's does the same arithmetic in three times the time: at this size most of it goes into
checks, into copies of what is read only, and into memory asked for anew in every step.

Reference: Glorot and Bengio, AISTATS (2010), for the first weights; Kingma and Ba, ICLR (2015),
for the steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from cleaner.arrays import Features, Labels

_MEAN_DECAY, _SQUARE_DECAY, _TINY = 0.9, 0.999, 1e-8

# Weights (input, unit) and bias (unit,) of each layer.
Layers = Sequence[tuple[np.ndarray, np.ndarray]]


class Perceptron:
    """Layers of rectified units and a softmax on top; two sides make a linear classifier.

    Args:
        sides: how many numbers go in, are in each layer between, and come out.
        rng: draws the first weights.

    Attributes:
        layers: what has been learnt; the arrays change with every step.
    """

    def __init__(self, sides: Sequence[int], rng: np.random.Generator) -> None:
        size = sum((into + 1) * out for into, out in pairwise(sides))
        # All numbers in one array, so that a step is a dozen calls, whatever the layers.
        self._values, self._gradient, self._mean, self._square, self._change = np.zeros(
            (5, size), np.float32
        )
        self._steps = 0
        self.layers = _split(self._values, sides)
        self._gradients = _split(self._gradient, sides)
        for weights, bias in self.layers:
            bound = np.sqrt(6 / sum(weights.shape))
            weights[:] = rng.uniform(-bound, bound, weights.shape)
            bias[:] = rng.uniform(-bound, bound, bias.shape)

    def copied(self) -> Layers:
        """Return the layers as they are now."""
        return [(weights.copy(), bias.copy()) for weights, bias in self.layers]

    def learn(self, rows: Features, labels: Labels, *, rate: float) -> float:
        """Take a step towards these labels and return the log loss before it, in nats."""
        seen = [rows]
        for weights, bias in self.layers[:-1]:
            seen.append(_rectified(seen[-1], weights, bias))
        surplus = _softmax(_product(seen[-1], *self.layers[-1]))
        own = np.arange(len(labels)), labels
        loss = float(-np.log(np.maximum(surplus[own], _TINY)).mean())
        surplus[own] -= 1
        surplus /= len(labels)
        for number in range(len(seen) - 1, -1, -1):
            into, (weights_gradient, bias_gradient) = seen[number], self._gradients[number]
            np.matmul(into.T, surplus, out=weights_gradient)
            np.sum(surplus, axis=0, out=bias_gradient)
            if number:
                surplus = surplus @ self.layers[number][0].T
                surplus *= into > 0
        self._step(rate)
        return loss

    def _step(self, rate: float) -> None:
        """Move against the gradient, each number by its own measure."""
        self._steps += 1
        gradient, change = self._gradient, self._change
        np.multiply(gradient, gradient, out=change)
        _follow(self._square, change, _SQUARE_DECAY)
        _follow(self._mean, gradient, _MEAN_DECAY)
        np.sqrt(self._square, out=change)
        # Both running means began at 0, which is made good.
        change *= (1 - _SQUARE_DECAY**self._steps) ** -0.5
        change += _TINY
        np.divide(self._mean, change, out=change)
        change *= rate / (1 - _MEAN_DECAY**self._steps)
        self._values -= change


def probabilities(layers: Layers, rows: np.ndarray) -> np.ndarray:
    """Return (..., class), float64, for (..., input)."""
    *hidden, top = layers
    for layer in hidden:
        rows = _rectified(rows, *layer)
    return _softmax(_product(rows, *top).astype(np.float64))


def _split(numbers: np.ndarray, sides: Sequence[int]) -> Layers:
    layers, start = [], 0
    for into, out in pairwise(sides):
        middle = start + into * out
        layers.append((numbers[start:middle].reshape(into, out), numbers[middle : middle + out]))
        start = middle + out
    return layers


def _follow(running: np.ndarray, new: np.ndarray, decay: float) -> None:
    """Bring a running mean up to date; what is new is spent."""
    running *= decay
    new *= 1 - decay
    running += new


def _product(rows: np.ndarray, weights: np.ndarray, bias: np.ndarray) -> np.ndarray:
    found: np.ndarray = rows @ weights
    found += bias
    return found


def _rectified(rows: np.ndarray, weights: np.ndarray, bias: np.ndarray) -> np.ndarray:
    found = _product(rows, weights, bias)
    np.maximum(found, 0, out=found)
    return found


def _softmax(logits: np.ndarray) -> np.ndarray:
    """Return the softmax over the last axis, in the place of the logits."""
    logits -= logits.max(axis=-1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=-1, keepdims=True)
    return logits
