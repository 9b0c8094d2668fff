"""New classes for a classifier that is kept: rows beside its rows, which stay as they are.

An old class's answer can only change where a new row outbids all old ones. So the new rows are
learnt against the old ones as they stand, and then lowered together as far as the new classes can
bear it. Nobody has images of the old classes at hand; what their features would be follows from
the old rows themselves.

References: Gidaris and Komodakis, Dynamic Few-Shot Visual Learning without Forgetting, CVPR (2018),
on joining rows; Hastie, Tibshirani and Friedman, The Elements of Statistical Learning (2009), 4.3,
on the linear discriminant, of which a class's mean is read off here. We differ in that the rows are
learnt on all images of a class, and in how they are held off the old ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp

from cleaner.arrays import Features, Groups, ItemMask, Labels

OLD = -1
"""The label of an image of a class that the classifier knows already."""

# So many of the new classes' held-out images may be lost to old classes, for the old ones' sake.
# Half of it lets three times as many old answers change (docs/method.md).
MAY_BE_LOST = 0.08
PENALTY = 0.01
IMAGINED_OF_EACH = 4
# The covariance is drawn so far towards a round one, so that fewer images than features suffice.
_ROUND = 0.1
_FOLDS = 3
_MOST_STEPS = 200


@dataclass(frozen=True, slots=True)
class Top:
    """The last layer of a classifier: (feature, class) and (class,), float32."""

    kernel: np.ndarray
    bias: np.ndarray

    def scores(self, features: Features) -> np.ndarray:
        """Return (item, class), before the softmax."""
        scores: np.ndarray = features @ self.kernel + self.bias
        return scores

    def beside(self, other: Top) -> Top:
        """Return the layer with the classes of both, the other's last."""
        return Top(
            np.hstack([self.kernel, other.kernel]).astype(np.float32),
            np.hstack([self.bias, other.bias]).astype(np.float32),
        )


@dataclass(frozen=True, slots=True)
class Known:
    """Images as features.

    Attributes:
        features: (item, feature), of any number of views of each image.
        labels: (item,), `OLD`, or a place among the new classes.
        groups: (item,), equal for views of one image and for duplicates.
    """

    features: Features
    labels: Labels
    groups: Groups

    def only(self, chosen: ItemMask) -> Known:
        """Return a part of them."""
        return Known(self.features[chosen], self.labels[chosen], self.groups[chosen])


def learnt(old: Top, images: Known, class_count: int, rng: np.random.Generator) -> Top:
    """Return the rows of the new classes.

    Args:
        old: the last layer that is kept.
        images: of the new classes, and as many as there are of old ones.
        class_count: how many classes are new.
        rng: draws the imagined images and the folds.
    """
    common, apart = _parted(old)
    rows = _against(apart, images, class_count, rng)
    lowered = rows.bias - _room_below(apart, images, class_count, rng)
    return Top(rows.kernel + common.kernel, (lowered + common.bias).astype(np.float32))


def learnt_beside(old: Top, images: Known, class_count: int) -> Top:
    """Return the rows of the new classes where there are images of the old ones to learn beside.

    With images in place of imagined ones, the rows need not be lowered afterwards.

    Args:
        old: the last layer that is kept.
        images: of the new classes and of the old ones; the groups do not matter.
        class_count: how many classes are new.
    """
    common, apart = _parted(old)
    rows = _fitted(apart, images.features, images.labels, class_count)
    return Top(rows.kernel + common.kernel, (rows.bias + common.bias).astype(np.float32))


def _parted(old: Top) -> tuple[Top, Top]:
    """Return what all rows have in common, and the rows without it.

    It changes no answer, and would weigh on the new rows.
    """
    common = Top(old.kernel.mean(axis=1, keepdims=True), old.bias.mean(keepdims=True))
    return common, Top(old.kernel - common.kernel, old.bias - common.bias)


def _against(old: Top, images: Known, class_count: int, rng: np.random.Generator) -> Top:
    imagined = imagined_features(old, images, rng)
    others = np.full(len(imagined), OLD, np.int64)
    features = np.concatenate([images.features, imagined])
    return _fitted(old, features, np.concatenate([images.labels, others]), class_count)


def _room_below(old: Top, images: Known, class_count: int, rng: np.random.Generator) -> float:
    """Return how much the rows may be lowered until `MAY_BE_LOST` of the new images are lost.

    Each image is asked of rows that were learnt without it. A few dozen held-out images in their
    place leave it to chance whether one or six in a hundred old answers change.
    """
    numbers, places = np.unique(images.groups, return_inverse=True)
    fold = rng.permutation(len(numbers))[places] % _FOLDS
    leads = []
    for number in range(_FOLDS):
        held_out = images.only((fold == number) & (images.labels != OLD))
        learns = images.only(fold != number)
        if len(held_out.labels) and (learns.labels != OLD).any():
            rows = _against(old, learns, class_count, rng)
            scores = rows.scores(held_out.features)
            leads.append(scores.max(axis=1) - old.scores(held_out.features).max(axis=1))
    return float(np.quantile(np.concatenate(leads), MAY_BE_LOST)) if leads else 0.0


def imagined_features(old: Top, images: Known, rng: np.random.Generator) -> Features:
    """Return features as images of the old classes may have them, `IMAGINED_OF_EACH` a class.

    For a linear discriminant, a class's row is the inverse covariance within classes times the
    class's distance from the middle; so the covariance times the row leads back to the class.
    """
    is_new = images.labels != OLD
    rows, labels = images.features[is_new], images.labels[is_new]
    apart = rows.astype(np.float64)
    for label in np.unique(labels):
        apart[labels == label] -= apart[labels == label].mean(axis=0)
    covariance = apart.T @ apart / len(apart)
    covariance += _ROUND * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    kernel = old.kernel - old.kernel.mean(axis=1, keepdims=True)
    means = rows.mean(axis=0) + (covariance @ kernel).T
    spread = np.linalg.cholesky(covariance).T.astype(np.float32)
    several = np.tile(means.astype(np.float32), (IMAGINED_OF_EACH, 1))
    found: Features = several + rng.standard_normal(several.shape, np.float32) @ spread
    np.maximum(found, 0, out=found)  # as the network's own, which end in a ReLU
    return found


def _fitted(old: Top, features: Features, labels: Labels, class_count: int) -> Top:
    """Return the rows of least log loss; against them stand the old ones, as one answer."""
    mean = features.mean(axis=0)
    rows = features - mean
    against = logsumexp(old.scores(features), axis=1)[:, None]
    wanted, weights = _targets(labels, class_count)
    shape = rows.shape[1], class_count
    ridge = PENALTY * float((rows**2).mean())

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        bias, kernel = flat[:class_count], flat[class_count:].reshape(shape)
        scores = np.hstack([rows @ kernel.astype(np.float32) + bias, against])
        total = logsumexp(scores, axis=1, keepdims=True)
        missed = (weights * (np.exp(scores - total) - wanted))[:, :-1]
        value = (weights * (total - (scores * wanted).sum(axis=1, keepdims=True))).sum()
        slope = rows.T @ missed.astype(np.float32) + ridge * kernel
        size = 0.5 * ridge * (kernel**2).sum()
        return float(value + size), np.concatenate([missed.sum(axis=0), slope.ravel()])

    begin = np.zeros(class_count * (shape[0] + 1))
    found = minimize(loss, begin, jac=True, method="L-BFGS-B", options={"maxiter": _MOST_STEPS})
    kernel = found.x[class_count:].reshape(shape)
    bias = found.x[:class_count] - mean @ kernel
    return Top(kernel.astype(np.float32), bias.astype(np.float32))


def _targets(labels: Labels, class_count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (item, class + 1), the old ones last, and weights.

    The old ones together weigh as much as the new ones, which weigh alike.
    """
    places = np.where(labels == OLD, class_count, labels)
    wanted = np.eye(class_count + 1)[places]
    counts = np.maximum(wanted.sum(axis=0), 1)
    shares = np.full(class_count + 1, 0.5 / class_count)
    shares[class_count] = 0.5
    return wanted, (shares / counts)[places][:, None]
