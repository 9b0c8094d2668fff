"""What heads learn from: the bottlenecks of all backbones and views, put in shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh

from cleaner.arrays import Features, InputMeans, ItemMask, ReducedViews, RidgeInputs, ViewFeatures

# Main directions that are kept, for the heads that learn by gradient and for audits.
DIRECTIONS = 256
_TINY = 1e-6


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
    parts, means = [], []
    for features in view_features:
        rooted = np.sqrt(np.maximum(features.mean(axis=0), 0))
        means.append(rooted.mean(axis=0))
        centred = rooted - means[-1]
        lengths = np.linalg.norm(centred, axis=1, keepdims=True)
        parts.append(centred / (np.maximum(lengths, 1e-12) * len(view_features) ** 0.5))
    constant = np.ones((parts[0].shape[0], 1), np.float32)
    return Joined(np.hstack([*parts, constant]), np.concatenate(means))


def reduced(view_features: Sequence[ViewFeatures], trains: ItemMask) -> ReducedViews:
    """Return (view, item, direction): every view along the main directions of the plain one.

    Standardised, square-rooted features of all backbones; mean 0, and scale 1 on the whole.
    Labels have no part in it, and items that train nothing none in the directions.
    """
    plain = _rooted(view_features, 0)
    mean, scale = plain[trains].mean(axis=0), np.maximum(plain[trains].std(axis=0), _TINY)
    seen = (plain[trains] - mean) / scale
    axes = main_directions(seen, DIRECTIONS) / scale[:, None]
    views = [_rooted(view_features, view) @ axes for view in range(len(view_features[0]))]
    found: ReducedViews = np.stack(views) - mean @ axes
    found /= max(float(found.std()), _TINY)
    return found


def main_directions(rows: Features, count: int) -> np.ndarray:
    """Return (feature, direction), orthonormal: up to `count`, the main direction first."""
    last = rows.shape[1] - 1
    _, axes = eigh(rows.T @ rows, subset_by_index=(max(0, last - count + 1), last))
    found: np.ndarray = axes[:, ::-1]
    return found


def spectrum(rows: RidgeInputs) -> Spectrum:
    """Return the directions of the rows, float64, by the smaller of their two products.

    Directions without any weight are left out: no prediction has a part along them.
    """
    exact = rows.astype(np.float64)
    items, width = exact.shape
    if items >= width:
        return Spectrum(*np.linalg.eigh(exact.T @ exact))
    eigenvalues, coordinates = np.linalg.eigh(exact @ exact.T)
    weighty = eigenvalues > eigenvalues.max() * 1e-10
    lengths = np.sqrt(eigenvalues[weighty])
    return Spectrum(eigenvalues[weighty], exact.T @ (coordinates[:, weighty] / lengths))


def _rooted(view_features: Sequence[ViewFeatures], view: int) -> RidgeInputs:
    side_by_side = np.hstack([features[view] for features in view_features])
    rooted: RidgeInputs = np.sqrt(np.maximum(side_by_side, 0))
    return rooted
