"""Images that are unlike everything else in the dataset: a receipt among bears, a web page.

Two ways to be unlike it: what shows is of another kind altogether, or it is of the kind, but far
from all that is usual in each class. The one misses most of what the other finds.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int64
from numpy import ndarray

from cleaner.audits.base import FAR, LEAST_PICTURES, Seen, Values
from cleaner.items import Finding
from cleaner.unknowns import is_unknown

# The directions that the dataset is about: so many for each class, and so many at least.
PER_CLASS = 2
LEAST_DIRECTIONS = 16
# Those in which the classes are compared: with more, a hundred images are not told from chance.
DIRECTIONS = 64
# Of the distance to the classes so many spreads, which are taken from the upper tail.
FAR_FROM_CLASSES = 4.0
_TAIL = 0.9
_BELL_TAIL = 1.28  # spreads at which that share of a bell lies below
# Makes the median of the upper half of a bell-shaped spread its standard deviation.
_BELL = 1.4826
# The covariance is drawn so far towards a round one, so that few images suffice for it.
_ROUND = 0.1
_LEAST_CLASS = 5
_TINY = 1e-6

_Rows = Float[ndarray, "item direction"]
_Classes = Int64[ndarray, "item"]


def find_off_topic(seen: Seen) -> list[Finding]:
    """Return images with little in common with the dataset, or far from all of its classes.

    Many odd images of one kind are a kind of their own, and are not named.

    References: Wang, Li, Feng and Zhang, ViM: Out-Of-Distribution with Virtual-logit Matching,
    CVPR (2022), on the residual; Ren et al., A Simple Fix to Mahalanobis Distance (2021). We
    differ in that the odd ones are among the images that all is measured on, that labels may be
    wrong, and in the thresholds, which follow from the dataset.
    """
    # What was put aside as unknown is unlike the classes, as it should be.
    about = [p for p, item in enumerate(seen.items) if not is_unknown(item.current_label)]
    if len(about) < LEAST_PICTURES * 2:
        return []
    seen = replace(seen, items=[seen.items[p] for p in about], features=seen.features[about])
    rest = _outside(seen)
    away = _spreads_above(np.log(rest / (1 - rest)))
    far = _from_classes(seen)
    usual = float(np.median(rest))
    return [
        Finding(
            "off_topic",
            (seen.items[place].path,),
            "warning",
            f"It has little in common with the other images: {rest[place]:.0%} of what networks "
            f"see in it is not what these have, usually {usual:.0%} here."
            if away[place] > FAR
            else f"It is unlike the images of every class: {far[place]:.0f} times the usual "
            "spread away from them.",
        )
        for place in np.flatnonzero((away > FAR) | (far >= FAR_FROM_CLASSES)).tolist()
    ]


def _outside(seen: Seen) -> Values:
    """Return how much of each image's features lies beside the dataset's main directions."""
    features = seen.features.shape[1]
    classes = len({item.current_label for item in seen.items})
    count = min(max(PER_CLASS * classes, LEAST_DIRECTIONS), features // 2)
    inside = (seen.features[:, :count].astype(np.float64) ** 2).sum(axis=1)
    shares: Values = np.clip(1 - inside, _TINY, 1 - _TINY)
    return shares


def _spreads_above(values: Values) -> Values:
    """Return how far each lies above the middle one, in spreads of the upper half.

    The halves differ: an image may be much like the others, and only somewhat unlike them.
    """
    away: Values = values - np.median(values)
    above = away[away > 0]
    spread = _BELL * float(np.median(above)) if above.size else 1.0
    return away / max(spread, _TINY)


def _from_classes(seen: Seen) -> Values:
    """Return how far each lies from the nearest class, in spreads above the middle one."""
    rows = np.asarray(seen.features[:, :DIRECTIONS], np.float64)
    names = sorted({item.current_label for item in seen.items})
    number = {name: place for place, name in enumerate(names)}
    classes = np.array([number[item.current_label] for item in seen.items], np.int64)
    distance = _relative_distance(rows, classes)
    middle, tail = np.quantile(distance, (0.5, _TAIL))
    return np.asarray((distance - middle) / max((tail - middle) / _BELL_TAIL, _TINY))


def _relative_distance(rows: _Rows, classes: _Classes) -> Values:
    """Return the distance to the nearest class, less that to the whole dataset."""
    sizes = np.bincount(classes)
    centres = np.stack([rows[classes == c].mean(axis=0) for c in range(len(sizes))])
    within = rows - centres[classes]
    # A class of two or three images lies about each of them, whatever they show.
    large = np.flatnonzero(sizes >= min(_LEAST_CLASS, sizes.max()))
    shape = _inverse_covariance(within)
    to_classes = np.stack([_squared(rows - centres[c], shape) for c in large]).min(axis=0)
    centred = rows - rows.mean(axis=0)
    distance: Values = to_classes - _squared(centred, _inverse_covariance(centred))
    return distance


def _inverse_covariance(centred: _Rows) -> np.ndarray:
    covariance = centred.T @ centred / len(centred)
    directions = len(covariance)
    covariance += np.eye(directions) * (_ROUND * np.trace(covariance) / directions + 1e-12)
    return np.asarray(np.linalg.inv(covariance))


def _squared(rows: _Rows, shape: np.ndarray) -> Values:
    return np.asarray(((rows @ shape) * rows).sum(axis=1))
