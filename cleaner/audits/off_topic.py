"""Images that are unlike everything else in the dataset: a receipt among bears, a web page."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int64
from numpy import ndarray

from cleaner.audits.base import LEAST_PICTURES, Seen, Values
from cleaner.items import Finding
from cleaner.unknowns import is_unknown

# Directions that are looked at: with more, classes of a hundred images are not told from chance.
DIRECTIONS = 64
# Spreads above the middle, the spread taken from the upper tail, which is longer than a bell's.
FAR = 4.0
_TAIL = 0.9
_BELL = 1.28  # spreads at which that share of a bell lies below
# The covariance is drawn so far towards a round one, so that few images suffice for it.
_ROUND = 0.1
_LEAST_CLASS = 5
_TINY = 1e-9

_Rows = Float[ndarray, "item direction"]
_Classes = Int64[ndarray, "item"]


def find_off_topic(seen: Seen) -> list[Finding]:
    """Return images far from every class, compared with how far they lie from the dataset.

    Reference: Ren et al., A Simple Fix to Mahalanobis Distance (2021), after Lee et al., NeurIPS
    (2018). We differ in that the labels may be wrong and the odd ones are among the images that
    the classes are measured on; the threshold follows from the dataset.
    """
    # What was put aside as unknown is unlike the classes, as it should be.
    about = [p for p, item in enumerate(seen.items) if not is_unknown(item.current_label)]
    rows = np.asarray(seen.features[about, :DIRECTIONS], np.float64)
    if len(rows) < LEAST_PICTURES * 2:
        return []
    items = [seen.items[place] for place in about]
    names = sorted({item.current_label for item in items})
    number = {name: place for place, name in enumerate(names)}
    classes = np.array([number[item.current_label] for item in items], np.int64)
    distance = _relative_distance(rows, classes)
    middle, tail = np.quantile(distance, (0.5, _TAIL))
    away = (distance - middle) / max((tail - middle) / _BELL, _TINY)
    return [
        Finding(
            "off_topic",
            (items[place].path,),
            "warning",
            f"It is unlike the images of every class: {away[place]:.0f} times the usual spread "
            "away from them.",
        )
        for place in np.flatnonzero(away >= FAR).tolist()
    ]


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
