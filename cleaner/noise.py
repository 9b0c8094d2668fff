"""How wrong the labels are: class-conditional noise, estimated from probabilities and labels.

A model trained on noisy labels predicts noisy labels: at 25% noise it gives a clear picture no
more than 75%. So one minus its probability is not the chance that a label is wrong. Here the
probabilities of the true class are taken to be a sharpened form of what the model says, and
the labels to be drawn from the true class by a transition matrix. Sharpness and matrix are
those under which the labels are most likely (expectation-maximisation), the matrix shrunk
towards uniform noise where a class has few images.

Reference: Dawid and Skene, Applied Statistics 28 (1979), for the confusion of one observer;
Natarajan et al., NeurIPS (2013), for class-conditional label noise. We differ in fitting the
sharpness of the model together with the noise. SciPy is loaded by the estimate alone: whoever
applies a model that is known, as pages do, needs none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from cleaner.arrays import LabelQuality, Labels, PredProbs

Transition = Float[ndarray, "true given"]
ClassShares = Float[ndarray, " class"]

_TINY = 1e-12
# The matrix is fitted on a sample of this many probabilities; more changes nothing visible.
_SAMPLE = 250_000
# Each class starts as if this many of its images had been seen with the noise of all classes,
_PRIOR_IMAGES = 20.0
# and the whole dataset as if one label in twenty of this many images had been wrong.
_PRIOR_RATE, _PRIOR_RATE_IMAGES = 0.05, 20.0
# How far classes are put on a par: 0 leaves them as they are, 1 makes sizes of no account.
_BALANCE = 0.5
_LOG_SHARPNESS = (-1.0, 4.0)
_ROUNDS, _STEPS = 8, 10
# Of items that a posterior is computed of, for the sake of memory.
_AT_ONCE = 4_096


@dataclass(frozen=True, slots=True, eq=False)
class NoiseModel:
    """What stands between the true classes and the labels.

    Attributes:
        transition: (true, given), the chance of each label for an image of each true class;
            rows sum to 1.
        sharpness: the power to which the model's probabilities are raised; above 1 where it
            was made modest by noise.
        rate: estimated share of wrong labels, 0..1.
        shares: (class,), how often each label was given, above 0.
    """

    transition: Transition
    sharpness: float
    rate: float
    shares: ClassShares

    def posterior(self, pred_probs: PredProbs, labels: Labels) -> LabelQuality:
        """Return the chance that each label is right, given the label and the model."""
        right = np.empty(len(labels))
        for top in range(0, len(labels), _AT_ONCE):
            part = slice(top, top + _AT_ONCE)
            some = labels[part]
            joint = _true_probs(pred_probs[part], self.sharpness) * self.transition[:, some].T
            own = joint[np.arange(len(some)), some]
            right[part] = np.clip(own / np.maximum(joint.sum(axis=1), _TINY), 0, 1)
        return right

    @property
    def handicaps(self) -> ClassShares:
        """What each class's probability is multiplied by where sizes shall count for less."""
        handicaps: ClassShares = self.shares**-_BALANCE
        return handicaps

    def balanced(self, pred_probs: PredProbs, labels: Labels) -> LabelQuality:
        """Return the labels' shares of the probabilities, classes handicapped by their size."""
        weights = pred_probs * self.handicaps
        own: LabelQuality = weights[np.arange(len(labels)), labels] / weights.sum(axis=1)
        return own


def estimate(pred_probs: PredProbs, labels: Labels) -> NoiseModel:
    """Return the noise under which these labels are most likely; no images, no noise.

    Args:
        pred_probs: (item, class), from models that did not see the item.
        labels: (item,), the labels that are in doubt: those a person confirmed are left out.
    """
    items, classes = pred_probs.shape
    if items == 0 or classes < 2:
        return NoiseModel(np.eye(classes), 1.0, 0.0, np.full(classes, 1 / classes))
    step = max(1, items * classes // _SAMPLE)
    fit = _Fit(pred_probs[::step], labels[::step])
    for _ in range(_ROUNDS):
        before = fit.sharpness, fit.rate
        fit.sharpen()
        fit.redraw()
        if np.allclose(before, (fit.sharpness, fit.rate), rtol=1e-2, atol=1e-4):
            break
    # A class that is there counts as if it had one image more: none may have none.
    counts = np.bincount(labels, minlength=classes) + 1.0
    found = NoiseModel(fit.transition, fit.sharpness, 0.0, counts / counts.sum())
    wrong = 1 - found.posterior(pred_probs, labels)
    return replace(found, rate=float(wrong.mean()))


class _Fit:
    """The state of the estimate; each half improves one part, the other held."""

    def __init__(self, pred_probs: PredProbs, labels: Labels) -> None:
        from scipy.sparse import csr_array

        self._probs = pred_probs
        self._labels = labels
        items, self._classes = pred_probs.shape
        ones = np.ones(items)
        self._given = csr_array((ones, (labels, np.arange(items))), (self._classes, items))
        self.sharpness = 1.0
        self.rate = 0.1
        self.transition = self._uniform_noise()

    def _uniform_noise(self) -> Transition:
        """Return the matrix of labels that are drawn at random at the present rate."""
        classes = self._classes
        spread = self.rate / (classes - 1)
        noise: Transition = np.full((classes, classes), spread)
        np.fill_diagonal(noise, 1 - self.rate)
        return noise

    def _joint(self, sharpness: float) -> PredProbs:
        joint: PredProbs = _true_probs(self._probs, sharpness) * self._chances()
        return joint

    def _chances(self) -> PredProbs:
        """Return (item, true class): how probable each class makes the label given."""
        chances: PredProbs = self.transition[:, self._labels].T
        return chances

    def sharpen(self) -> None:
        from scipy.optimize import minimize_scalar

        def loss(log_sharpness: float) -> float:
            likelihood = self._joint(float(np.exp(log_sharpness))).sum(axis=1)
            return float(-np.log(np.maximum(likelihood, _TINY)).mean())

        found = minimize_scalar(
            loss, bounds=_LOG_SHARPNESS, method="bounded", options={"xatol": 0.01}
        )
        self.sharpness = float(np.exp(found.x))

    def redraw(self) -> None:
        """Take some steps of expectation-maximisation on the matrix and the rate."""
        true_probs = _true_probs(self._probs, self.sharpness)
        for _ in range(_STEPS):
            joint = true_probs * self._chances()
            joint /= np.maximum(joint.sum(axis=1, keepdims=True), _TINY)
            counts = (self._given @ joint).T
            wrong = counts.sum() - np.trace(counts)
            self.rate = (wrong + _PRIOR_RATE * _PRIOR_RATE_IMAGES) / (
                counts.sum() + _PRIOR_RATE_IMAGES
            )
            counts += _PRIOR_IMAGES * self._uniform_noise()
            self.transition = counts / counts.sum(axis=1, keepdims=True)


def _true_probs(pred_probs: PredProbs, sharpness: float) -> PredProbs:
    logs = sharpness * np.log(np.maximum(pred_probs, _TINY))
    probs: PredProbs = np.exp(logs - logs.max(axis=1, keepdims=True))
    probs /= probs.sum(axis=1, keepdims=True)
    return probs
