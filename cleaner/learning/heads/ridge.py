"""Ridge regression onto the labels, with the exact leave-one-out prediction of every item.

With X = U S V', the hat matrix is H = Z diag(d) Z', Z = X V, d = 1 / (eigenvalue + penalty).
The prediction for an item, had it and its duplicates not been there, follows from the block
of H of its group: P = Y - (I - H_gg)^-1 (Y - F). So n models cost one eigendecomposition.

Reference: Allen, Technometrics 16 (1974); Golub, Heath and Wahba, Technometrics 21 (1979).
We leave out whole duplicate groups where they leave out one row, because the twin of a
wrongly labelled image vouches for the wrong label.
"""

from __future__ import annotations

import numpy as np

from cleaner.arrays import Groups, InputMeans, ItemMask, PredProbs, RidgeInputs
from cleaner.learning.calibration import calibrated
from cleaner.learning.heads.base import HeadVotes, TrainingData
from cleaner.learning.inputs import Spectrum, parts
from cleaner.predictions import RidgeFit
from cleaner.progress import Progress, Report

# Shares of the number of images; the log loss of the left-out predictions picks one.
PENALTIES = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3)
# Up to here rows are kept in float64: with few images 1 - leverage is so small that float32
# would spoil it. More images push leverages down, and half the bytes are read in half the time.
_EXACT_BYTES = 64 * 2**20


def ridge(data: TrainingData, report: Report) -> HeadVotes:
    """Return leave-group-out probabilities; sealed items are judged by the whole model."""
    trains = data.trains
    targets = np.eye(data.class_count, dtype=np.float64)[data.labels]
    report(Progress("Solving the ridge head", 0, len(PENALTIES)))
    solver = _Solver(
        data.geometry.joined.rows, trains, targets, data.groups, data.geometry.spectrum
    )
    best, penalty = calibrated(solver.left_out(PENALTIES[0]), data.labels, trains), PENALTIES[0]
    for done, candidate in enumerate(PENALTIES[1:], 2):
        found = calibrated(solver.left_out(candidate), data.labels, trains)
        if found.loss < best.loss:
            best, penalty = found, candidate
        message = f"log loss {found.loss:.3f}"
        report(Progress("Solving the ridge head", done, len(PENALTIES), message))
    return HeadVotes(best.probs, refit=solver.fit(penalty, best.scale, data.geometry.joined.means))


class _Solver:
    """Holds the eigendecomposition, from which every penalty's predictions follow."""

    def __init__(
        self,
        inputs: RidgeInputs,
        trains: ItemMask,
        targets: PredProbs,
        groups: Groups,
        spectrum: Spectrum,
    ) -> None:
        kind = np.float64 if 8 * len(inputs) * len(spectrum.vectors) <= _EXACT_BYTES else np.float32
        self._vectors = spectrum.vectors
        self._eigenvalues = np.maximum(spectrum.eigenvalues, 0)
        self._trains = trains
        self._count = int(trains.sum())
        self._targets = targets
        self._rotated = inputs.astype(kind, copy=False) @ spectrum.vectors.astype(kind, copy=False)
        taught = np.where(trains[:, None], targets, 0).astype(kind)
        self._product = (self._rotated.T @ taught).astype(np.float64)
        self._groups = _positions_of_groups(np.where(trains, groups, -1 - np.arange(len(groups))))

    def left_out(self, penalty: float) -> PredProbs:
        """Return predictions of (item, class); an item's own group never helped to make them."""
        shrink = self._shrink(penalty)
        fitted = self._fitted(shrink)
        leverage = np.where(self._trains, self._leverage(shrink), 0)[:, None]
        left_out: PredProbs = (fitted - leverage * self._targets) / (1 - leverage)
        for rows in self._groups:
            members = self._rotated[rows].astype(np.float64)
            block = (members * shrink) @ members.T
            residual = np.linalg.solve(
                np.eye(len(rows)) - block, self._targets[rows] - fitted[rows]
            )
            left_out[rows] = self._targets[rows] - residual
        return left_out

    def fit(self, penalty: float, scale: float, means: InputMeans) -> RidgeFit:
        """Return the model of all training items in the form that answers to other labels.

        Its rows take the place of the solver's own, which is of no use afterwards: they are the
        largest part of a round.
        """
        shrink = self._shrink(penalty)
        fitted = self._fitted(shrink)
        rows = self._rotated
        rows *= np.sqrt(shrink).astype(rows.dtype)
        return RidgeFit(
            rows=rows,
            fitted=fitted,
            leverage=np.einsum("ij,ij->i", rows, rows, dtype=np.float64),
            scale=scale,
            basis=(self._vectors * np.sqrt(shrink)).astype(np.float32),
            taught=np.sqrt(shrink)[:, None] * self._product,
            means=means,
        )

    def _shrink(self, penalty: float) -> np.ndarray:
        shrink: np.ndarray = 1 / (self._eigenvalues + penalty * self._count)
        return shrink

    def _fitted(self, shrink: np.ndarray) -> PredProbs:
        weights = (shrink[:, None] * self._product).astype(self._rotated.dtype)
        fitted: PredProbs = (self._rotated @ weights).astype(np.float64)
        return fitted

    def _leverage(self, shrink: np.ndarray) -> np.ndarray:
        """Return (item,): how much each weighs in its own prediction."""
        weights = shrink.astype(self._rotated.dtype)
        found = [self._rotated[part] ** 2 @ weights for part in parts(len(self._rotated))]
        return np.concatenate(found).astype(np.float64)


def _positions_of_groups(groups: Groups) -> list[np.ndarray]:
    """Return the rows of every group of two or more."""
    order = np.argsort(groups, kind="stable")
    borders = np.flatnonzero(np.diff(groups[order])) + 1
    return [rows for rows in np.split(order, borders) if rows.size > 1]
