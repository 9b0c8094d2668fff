"""What heads learn from: the bottlenecks of all backbones and views, put in shape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh

from cleaner.arrays import InputMeans, ItemMask, ReducedViews, RidgeInputs, ViewFeatures

# Main directions that are kept, for the heads that learn by gradient and for audits.
DIRECTIONS = 256
_TINY = 1e-6
_ROWS_AT_ONCE = 4_096


class Spectrum(NamedTuple):
    """Eigenvalues of rows' product with themselves, (direction,), and vectors, one a column."""

    eigenvalues: np.ndarray
    vectors: np.ndarray


@dataclass(frozen=True, slots=True)
class Joined:
    """One row an item: views averaged, square-rooted, centred, unit length.

    Several backbones stand side by side, each with the same weight; a constant comes last.

    Attributes:
        rows: (item, input).
        means: (input - 1,), what was taken off to centre them; the constant is left as it is.
    """

    rows: RidgeInputs
    means: InputMeans


def joined(view_features: Sequence[ViewFeatures]) -> Joined:
    """Return what the ridge learns from."""
    items = view_features[0].shape[1]
    widths = [features.shape[2] for features in view_features]
    rows = np.empty((items, sum(widths) + 1), np.float32)
    rows[:, -1] = 1
    means, right = np.empty(sum(widths), np.float32), 0
    for features in view_features:
        own = slice(right, right := right + features.shape[2])
        for part in parts(items):
            rows[part, own] = np.sqrt(np.maximum(features[:, part].mean(axis=0), 0))
        means[own] = rows[:, own].mean(axis=0, dtype=np.float64)
        for part in parts(items):
            centred = rows[part, own]
            centred -= means[own]
            lengths = np.linalg.norm(centred, axis=1, keepdims=True)
            centred /= np.maximum(lengths, 1e-12) * len(view_features) ** 0.5
    return Joined(rows, means)


def reduced(view_features: Sequence[ViewFeatures], trains: ItemMask) -> ReducedViews:
    """Return (view, item, direction): every view along the main directions of the plain one.

    Standardised, square-rooted features of all backbones; mean 0, and scale 1 on the whole.
    Labels have no part in it, and items that train nothing none in the directions.
    """
    training = np.flatnonzero(trains)
    mean, scale = _moments(view_features, training)
    product = np.zeros((mean.size, mean.size), np.float32)
    for part in parts(training.size):
        seen = (_rooted(view_features, 0, training[part]) - mean) / scale
        product += seen.T @ seen
    axes = main_directions(product, DIRECTIONS) / scale[:, None]
    views, items = view_features[0].shape[:2]
    found = np.empty((views, items, axes.shape[1]), np.float32)
    for view in range(views):
        for part in parts(items):
            found[view, part] = _rooted(view_features, view, part) @ axes
    found -= mean @ axes
    found /= max(float(found.std()), _TINY)
    return found


def _moments(
    view_features: Sequence[ViewFeatures], items: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of the plain view, (input,), of these items."""
    sums, squares = np.zeros((2, sum(features.shape[2] for features in view_features)))
    for part in parts(items.size):
        rows = _rooted(view_features, 0, items[part])
        sums += rows.sum(axis=0, dtype=np.float64)
        squares += np.einsum("ij,ij->j", rows, rows, dtype=np.float64)
    mean = sums / items.size
    scale = np.sqrt(np.maximum(squares / items.size - mean**2, _TINY**2))
    return mean.astype(np.float32), scale.astype(np.float32)


def main_directions(product: np.ndarray, count: int) -> np.ndarray:
    """Return (feature, direction), orthonormal: up to `count`, the main direction first.

    Args:
        product: (feature, feature), of the transposed rows with the rows.
        count: of directions at most.
    """
    last = len(product) - 1
    _, axes = eigh(product, subset_by_index=(max(0, last - count + 1), last))
    found: np.ndarray = axes[:, ::-1]
    return found


def spectrum(rows: RidgeInputs, trains: ItemMask | None = None) -> Spectrum:
    """Return the directions of the rows that train, float64, by the smaller of their two products.

    Directions without any weight are left out: no prediction has a part along them.
    """
    training = np.arange(len(rows)) if trains is None else np.flatnonzero(trains)
    width = rows.shape[1]
    if training.size >= width:
        product = np.zeros((width, width))
        for part in parts(training.size):
            exact = rows[training[part]].astype(np.float64)
            product += exact.T @ exact
        return Spectrum(*np.linalg.eigh(product))
    exact = rows[training].astype(np.float64)
    eigenvalues, coordinates = np.linalg.eigh(exact @ exact.T)
    weighty = eigenvalues > eigenvalues.max() * 1e-10
    lengths = np.sqrt(eigenvalues[weighty])
    return Spectrum(eigenvalues[weighty], exact.T @ (coordinates[:, weighty] / lengths))


def parts(items: int) -> Iterator[slice]:
    """Yield all items, some thousands at a time: what is computed of each part stays small."""
    for top in range(0, items, _ROWS_AT_ONCE):
        yield slice(top, min(top + _ROWS_AT_ONCE, items))


def _rooted(
    view_features: Sequence[ViewFeatures], view: int, items: slice | np.ndarray
) -> np.ndarray:
    """Return (item, input) of some of the items."""
    side_by_side = np.hstack([features[view, items] for features in view_features])
    rooted: np.ndarray = np.sqrt(np.maximum(side_by_side, 0, out=side_by_side), out=side_by_side)
    return rooted
