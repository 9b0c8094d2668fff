"""Which rows are worth comparing, where each with each would take too long.

Rows are parted into neighbourhoods about centres, and a row is compared with those in the
neighbourhoods nearest to its own. So the time goes by n to the power of 1.5, and some of the
nearest are missed.

Reference: Sivic and Zisserman, ICCV 2003, on inverted files; Dhillon and Modha, Machine Learning
42 (2001), on the centres: k-means by the cosine.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cleaner.arrays import Features

# A row is compared with those of so many neighbourhoods, its own among them.
_SEARCHED = 24
# The centres are those of so many rows each, found in so many turns.
_SAMPLE_EACH = 64
_TURNS = 8
_AT_ONCE = 8_192


def searches(
    features: Features, places: np.ndarray, *, least: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield rows and the places worth comparing them with; every row once.

    Args:
        features: (item, feature), of unit length.
        places: rows that can be found.
        least: how many places at least each row is compared with.
    """
    centres = _centres(features, places)
    own = _nearest_centre(features, centres)
    rows = _by_number(own, len(centres))
    found = _by_number(own[places], len(centres))
    nearness = np.argsort(-(centres @ centres.T), axis=1)
    for centre, members in enumerate(rows):
        if members.size:
            yield members, places[_gathered(found, nearness[centre], least)]


def _gathered(found: list[np.ndarray], order: np.ndarray, least: int) -> np.ndarray:
    """Return what the nearest neighbourhoods hold, of more of them if that is too little."""
    sizes = np.cumsum([found[number].size for number in order])
    enough = max(_SEARCHED, int(np.searchsorted(sizes, least)) + 1)
    return np.concatenate([found[number] for number in order[:enough]])


def _centres(features: Features, places: np.ndarray) -> np.ndarray:
    """Return (neighbourhood, feature), of unit length; as many as the root of the places."""
    rng = np.random.default_rng(0)
    count = max(1, round(places.size**0.5))
    chosen = rng.choice(places, min(places.size, _SAMPLE_EACH * count), replace=False)
    sample = features[np.sort(chosen)]
    centres: np.ndarray = sample[rng.choice(len(sample), count, replace=False)]
    for _ in range(_TURNS):
        members = _by_number(_nearest_centre(sample, centres), count)
        # Who has lost all of its rows stays where it was.
        sums = [
            sample[rows].sum(axis=0) if rows.size else centre
            for rows, centre in zip(members, centres, strict=True)
        ]
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = (np.array(sums) / np.maximum(lengths, 1e-12)).astype(np.float32)
    return centres


def _nearest_centre(rows: np.ndarray, centres: np.ndarray) -> np.ndarray:
    own = np.empty(len(rows), np.int64)
    for top in range(0, len(rows), _AT_ONCE):
        part = slice(top, top + _AT_ONCE)
        own[part] = (rows[part] @ centres.T).argmax(axis=1)
    return own


def _by_number(numbers: np.ndarray, count: int) -> list[np.ndarray]:
    """Return where each number from 0 stands."""
    order = np.argsort(numbers, kind="stable")
    return np.split(order, np.searchsorted(numbers[order], np.arange(1, count)))
