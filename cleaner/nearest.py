"""The nearest rows of each row, in memory that does not grow with their number.

Found exactly among up to 100,000 rows; of more, among those in its neighbourhood.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from cleaner.arrays import Features, Groups, ItemMask, Neighbours, Similarity
from cleaner.neighbourhoods import searches

# The similarity of a row with its own group, which comes last.
NEVER = -9.0
# Of similarities that are held at a time, in numbers and in rows: at most 64 MB.
_HELD = 2**24
_ROWS = 1024
# So many are compared with all; approximate indexes lose to that below, and miss some.
_EXACT_ROWS = 100_000


class Nearest(NamedTuple):
    """The nearest rows of each row, in no order among themselves.

    Attributes:
        items: (item, neighbour), their places.
        similarity: (item, neighbour), the scalar product with each, -1..1; `NEVER` for one of
            the item's own group, which is there only where others are too few.
    """

    items: Neighbours
    similarity: Similarity


def nearest(
    features: Features,
    count: int,
    *,
    groups: Groups | None = None,
    among: ItemMask | None = None,
) -> Nearest:
    """Return the `count` rows most like each row, or all if there are fewer.

    Args:
        features: (item, feature), of unit length.
        count: neighbours of each.
        groups: (item,), duplicates share a number and are no neighbours of each other; without
            it a row is no neighbour of itself alone.
        among: (item,), which rows can be neighbours; all, unless told.
    """
    rows = len(features)
    places = np.arange(rows) if among is None else np.flatnonzero(among)
    groups = np.arange(rows) if groups is None else groups
    count = min(count, places.size)
    items = np.empty((rows, count), np.int32)
    similarity = np.empty((rows, count), np.float32)
    if count == 0:
        return Nearest(items, similarity)
    for asking, asked in _searches(features, places, least=count):
        # Negative, so that the nearest come first, without a copy of each product.
        away = -features[asked].T
        kin = _Kin(groups[asked])
        height = max(1, min(_ROWS, _HELD // asked.size))
        for top in range(0, asking.size, height):
            part = asking[top : top + height]
            distance = features[part] @ away
            distance[kin.of(groups[part])] = -NEVER
            found = np.argpartition(distance, count - 1, axis=1)[:, :count]
            items[part] = asked[found]
            similarity[part] = -np.take_along_axis(distance, found, axis=1)
    return Nearest(items, similarity)


def _searches(
    features: Features, places: np.ndarray, *, least: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield rows, and the places that they are compared with."""
    if places.size <= _EXACT_ROWS:
        yield np.arange(len(features)), places
    else:
        yield from searches(features, places, least=least)


class _Kin:
    """Finds who is of which group without comparing each with each."""

    def __init__(self, groups: Groups) -> None:
        self._order = np.argsort(groups, kind="stable")
        self._sorted = groups[self._order]

    def of(self, groups: Groups) -> tuple[np.ndarray, np.ndarray]:
        """Return pairs of places, in `groups` and in those known, that share a number."""
        first = np.searchsorted(self._sorted, groups, side="left")
        size = np.searchsorted(self._sorted, groups, side="right") - first
        own = np.repeat(np.arange(groups.size), size)
        step = np.arange(own.size) - np.repeat(np.cumsum(size) - size, size)
        return own, self._order[np.repeat(first, size) + step]
