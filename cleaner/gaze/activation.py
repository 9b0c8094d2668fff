"""Class-activation maps of the ridge: what each cell of the last feature map adds to a lead.

A network's features f are the mean over the cells of its last map A, and the ridge sees
(sqrt(f) - m) / length. As sqrt(f) = f / sqrt(f), its prediction is the mean over the cells p of

    sum_c w_c (A_c(p) / sqrt(f_c) - m_c) / length

which is what a cell adds: nothing is approximated, and one pass suffices. The weights are those
of the ridge that was taught without the image and its duplicates, like its vote.

Reference: Zhou, Khosla, Lapedriza, Oliva and Torralba, CVPR (2016). We differ by the square root
and by the centre m: a cell counts against what the average image would have there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cleaner.arrays import FeatureMap
from cleaner.errors import NotScored
from cleaner.rescoring import Kept, Testimony

_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Lead:
    """By what the ridge tells one class from another.

    Attributes:
        weights: (input - 1,), of the one class less those of the other.
        means: (input - 1,), what inputs are centred by.
    """

    weights: np.ndarray
    means: np.ndarray


@dataclass(frozen=True, slots=True)
class Cells:
    """What each cell of one network's map adds to the lead; the mean is what the network adds.

    Attributes:
        values: (row, column).
        pitch: from one cell to the next, as a share of the picture's side; they lie about its
            middle.
    """

    values: np.ndarray
    pitch: float


def lead(kept: Kept, testimony: Testimony, place: int, toward: int, against: int) -> Lead:
    """Return what speaks for class `toward` over `against`, learnt without an image's group.

    Exact: with the rows R of the group in the directions of the hat matrix, what is taught there
    loses R' (I - R R')^-1 (Y - F).
    """
    taught = testimony.taught[:, [toward, against]]
    mates = np.flatnonzero((kept.groups == kept.groups[place]) & kept.trains)
    if mates.size:
        rows = kept.rows[mates].astype(np.float64)
        missing = (kept.labels[mates][:, None] == [toward, against]) - rows @ taught
        taught = taught - rows.T @ np.linalg.solve(np.eye(len(mates)) - rows @ rows.T, missing)
    weights = testimony.basis @ (taught[:, 0] - taught[:, 1]).astype(np.float32)
    return Lead(weights[:-1], testimony.means)


def cells(maps: Sequence[FeatureMap], pitches: Sequence[float], found: Lead) -> tuple[Cells, ...]:
    """Return one map of cells a network, in the order of the round's backbones.

    Raises:
        NotScored: the networks have not as many features as the round's had.
    """
    widths = [each.shape[2] for each in maps]
    if sum(widths) != len(found.weights):
        raise NotScored(
            f"The networks have {sum(widths)} features, those of the round had "
            f"{len(found.weights)}. Where they look can be told after the next round."
        )
    borders = np.cumsum(widths)[:-1]
    parts = zip(np.split(found.weights, borders), np.split(found.means, borders), strict=True)
    scale = len(maps) ** 0.5
    return tuple(
        Cells(_added(each, weights, means) / scale, pitch)
        for each, pitch, (weights, means) in zip(maps, pitches, parts, strict=True)
    )


def _added(each: FeatureMap, weights: np.ndarray, means: np.ndarray) -> np.ndarray:
    rooted = np.sqrt(np.maximum(each.mean(axis=(0, 1)), 0))
    length = max(float(np.linalg.norm(rooted - means)), _TINY)
    # Where a feature is 0 in every cell it adds nothing but its absence.
    seen = np.maximum(each, 0) @ (weights / np.maximum(rooted, 1e-6))
    added: np.ndarray = (seen - means @ weights) / length
    return added
