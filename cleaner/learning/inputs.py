"""What heads learn from: the bottlenecks of all backbones and views, put in shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cleaner.arrays import InputMeans, ItemMask, ReducedViews, RidgeInputs, ViewFeatures

# Main directions that are kept for the heads that learn by gradient.
DIRECTIONS = 256
_TINY = 1e-6


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
    _, axes = np.linalg.eigh(seen.T @ seen)
    axes = axes[:, ::-1][:, :DIRECTIONS] / scale[:, None]
    views = [_rooted(view_features, view) @ axes for view in range(len(view_features[0]))]
    found: ReducedViews = np.stack(views) - mean @ axes
    found /= max(float(found.std()), _TINY)
    return found


def _rooted(view_features: Sequence[ViewFeatures], view: int) -> RidgeInputs:
    side_by_side = np.hstack([features[view] for features in view_features])
    rooted: RidgeInputs = np.sqrt(np.maximum(side_by_side, 0))
    return rooted
