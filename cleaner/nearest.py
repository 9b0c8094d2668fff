"""The nearest rows of each row, found exactly, in memory that does not grow with their number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64
from numpy import ndarray

from cleaner.arrays import Features

# Of similarities that are held at a time, in numbers: 64 MB.
_HELD = 2**24

Neighbours = Int64[ndarray, "item neighbour"]
Similarities = Float32[ndarray, "item neighbour"]


@dataclass(frozen=True, slots=True, eq=False)
class Nearest:
    """The nearest other rows of each row, in no order among themselves.

    Attributes:
        rows: (item, neighbour), their numbers.
        similarity: (item, neighbour), the scalar product with each, -1..1.
    """

    rows: Neighbours
    similarity: Similarities


def nearest(features: Features, count: int) -> Nearest:
    """Return the `count` rows most like each row, or all others if there are fewer.

    Approximate indexes lose to this below some 100,000 rows, and miss some.

    Args:
        features: (item, feature), of unit length.
        count: neighbours of each.
    """
    items = len(features)
    count = min(count, max(items - 1, 0))
    rows = np.empty((items, count), np.int64)
    similarity = np.empty((items, count), np.float32)
    if count == 0:
        return Nearest(rows, similarity)
    height = max(1, _HELD // items)
    for top in range(0, items, height):
        part = slice(top, min(top + height, items))
        products = features[part] @ features.T
        own = np.arange(part.start, part.stop)
        products[own - top, own] = -np.inf
        found = np.argpartition(products, items - count, axis=1)[:, items - count :]
        rows[part] = found
        similarity[part] = np.take_along_axis(products, found, axis=1)
    return Nearest(rows, similarity)
