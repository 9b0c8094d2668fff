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
from cleaner.learning.inputs import Spectrum
from cleaner.predictions import RidgeFit
from cleaner.progress import Progress, Report

# Shares of the number of images; the log loss of the left-out predictions picks one.
PENALTIES = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3)
# Up to here rows are kept in float64: with few images 1 - leverage is so small that float32
# would spoil it. More images push leverages down, and half the bytes are read in half the time.
_EXACT_BYTES = 64 * 2**20


def ridge(data: TrainingData, report: Report) -> HeadVotes:
    """Return leave-group-out probabilities; sealed items are judged by the whole model."""
    inputs, trains = data.geometry.joined.rows, data.trains
    targets = np.eye(data.class_count, dtype=np.float64)[data.labels]
    report(Progress("Solving the ridge head", 0, len(PENALTIES)))
    solver = _Solver(inputs, trains, targets, data.groups, data.geometry.spectrum)
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
        self._vectors = spectrum.vectors
        self._eigenvalues = np.maximum(spectrum.eigenvalues, 0)
        self._trains = trains
        self._rotated = inputs @ spectrum.vectors  # float64: 1 - h loses digits in float32
        self._seen = self._rotated[trains]
        self._targets = targets[trains]
        self._product = self._seen.T @ self._targets
        self._squares = self._seen**2
        self._groups = _positions_of_groups(groups[trains])

    def left_out(self, penalty: float) -> PredProbs:
        """Return predictions of (item, class); an item's own group never helped to make them."""
        shrink = 1 / (self._eigenvalues + penalty * self._seen.shape[0])
        predictions: PredProbs = self._rotated @ (shrink[:, None] * self._product)
        fitted = predictions[self._trains]
        leverage = (self._squares @ shrink)[:, None]
        left_out = (fitted - leverage * self._targets) / (1 - leverage)
        for rows in self._groups:
            block = (self._seen[rows] * shrink) @ self._seen[rows].T
            residual = np.linalg.solve(
                np.eye(len(rows)) - block, self._targets[rows] - fitted[rows]
            )
            left_out[rows] = self._targets[rows] - residual
        predictions[self._trains] = left_out
        return predictions

    def fit(self, penalty: float, scale: float, means: InputMeans) -> RidgeFit:
        """Return the model of all training items in the form that answers to other labels."""
        shrink = 1 / (self._eigenvalues + penalty * self._seen.shape[0])
        kind = np.float64 if self._rotated.nbytes <= _EXACT_BYTES else np.float32
        rows = np.empty(self._rotated.shape, kind)
        np.multiply(self._rotated, np.sqrt(shrink), out=rows, casting="same_kind")
        return RidgeFit(
            rows=rows,
            fitted=self._rotated @ (shrink[:, None] * self._product),
            leverage=np.einsum("ij,ij->i", rows, rows, dtype=np.float64),
            scale=scale,
            basis=(self._vectors * np.sqrt(shrink)).astype(np.float32),
            taught=np.sqrt(shrink)[:, None] * self._product,
            means=means,
        )


def _positions_of_groups(groups: Groups) -> list[np.ndarray]:
    """Return the rows of every group of two or more."""
    order = np.argsort(groups, kind="stable")
    borders = np.flatnonzero(np.diff(groups[order])) + 1
    return [rows for rows in np.split(order, borders) if rows.size > 1]
