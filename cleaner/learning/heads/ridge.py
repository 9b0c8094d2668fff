"""Ridge regression onto the labels, with the exact leave-one-out prediction of every item.

With X = U S V', the hat matrix is H = Z diag(d) Z', Z = X V, d = 1 / (eigenvalue + penalty).
The prediction for an item, had it and its duplicates not been there, follows from the block
of H of its group: P = Y - (I - H_gg)^-1 (Y - F). So n models cost one eigendecomposition.

Reference: Allen, Technometrics 16 (1974); Golub, Heath and Wahba, Technometrics 21 (1979).
We leave out whole duplicate groups where they leave out one row, because the twin of a
wrongly labelled image vouches for the wrong label.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from cleaner.arrays import Groups, InputMeans, ItemMask, PredProbs, RidgeInputs
from cleaner.learning.calibration import Calibrated, calibrated
from cleaner.learning.heads.base import HeadVotes, TrainingData
from cleaner.learning.inputs import Spectrum, StoredInputs, parts
from cleaner.learning.ridge_in_parts import (
    RidgeInParts,
    exactness,
    left_out_together,
    positions_of_groups,
    shrinkage,
)
from cleaner.predictions import RidgeFit
from cleaner.progress import Progress, Report

# Shares of the number of images; the log loss of the left-out predictions picks one.
PENALTIES = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3)


def ridge(data: TrainingData, report: Report) -> HeadVotes:
    """Return leave-group-out probabilities; sealed items are judged by the whole model."""
    report(Progress("Solving the ridge head", 0, len(PENALTIES)))
    rows, spectrum = data.geometry.rows, data.geometry.spectrum
    if isinstance(rows, StoredInputs):
        return _in_parts(data, rows, report)
    targets = np.eye(data.class_count, dtype=np.float64)[data.labels]
    solver = _Solver(rows, data.trains, targets, data.groups, spectrum)
    best, penalty = _best(data, map(solver.left_out, PENALTIES), report)
    means = data.geometry.joined.means
    return HeadVotes(best.probs, refit=solver.fit(penalty, best.scale, means))


def _in_parts(data: TrainingData, rows: StoredInputs, report: Report) -> HeadVotes:
    """Return the same of features that stay on disk."""
    solver = RidgeInParts(
        rows,
        data.geometry.spectrum,
        data.labels,
        data.class_count,
        data.trains,
        data.groups,
        data.kept_in,
    )
    best, penalty = _best(data, solver.left_out(PENALTIES), report)
    return HeadVotes(best.probs, refit=solver.fit(penalty, best.scale, rows.means))


def _best(
    data: TrainingData, predictions: Iterable[PredProbs], report: Report
) -> tuple[Calibrated, float]:
    """Return the probabilities of least log loss, and the penalty that they come of."""

    def each() -> Iterator[tuple[Calibrated, float]]:
        for done, (penalty, scores) in enumerate(zip(PENALTIES, predictions, strict=True), 1):
            found = calibrated(scores, data.labels, data.trains)
            message = f"log loss {found.loss:.3f}"
            report(Progress("Solving the ridge head", done, len(PENALTIES), message))
            yield found, penalty

    return min(each(), key=lambda pair: pair[0].loss)


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
        kind = exactness(len(inputs), len(spectrum.vectors))
        self._spectrum = spectrum
        self._trains = trains
        self._count = int(trains.sum())
        self._targets = targets
        self._rotated = inputs.astype(kind, copy=False) @ spectrum.vectors.astype(kind, copy=False)
        taught = np.where(trains[:, None], targets, 0).astype(kind)
        self._product = (self._rotated.T @ taught).astype(np.float64)
        self._groups = positions_of_groups(groups, trains)

    def left_out(self, penalty: float) -> PredProbs:
        """Return predictions of (item, class); an item's own group never helped to make them."""
        shrink = self._shrink(penalty)
        fitted = self._fitted(shrink)
        leverage = np.where(self._trains, self._leverage(shrink), 0)[:, None]
        left_out: PredProbs = (fitted - leverage * self._targets) / (1 - leverage)
        for rows in self._groups:
            left_out[rows] = left_out_together(
                self._rotated[rows], shrink, self._targets[rows], fitted[rows]
            )
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
            basis=(self._spectrum.vectors * np.sqrt(shrink)).astype(np.float32),
            taught=np.sqrt(shrink)[:, None] * self._product,
            means=means,
        )

    def _shrink(self, penalty: float) -> np.ndarray:
        return shrinkage(self._spectrum, penalty * self._count)

    def _fitted(self, shrink: np.ndarray) -> PredProbs:
        weights = (shrink[:, None] * self._product).astype(self._rotated.dtype)
        fitted: PredProbs = (self._rotated @ weights).astype(np.float64)
        return fitted

    def _leverage(self, shrink: np.ndarray) -> np.ndarray:
        """Return (item,): how much each weighs in its own prediction."""
        weights = shrink.astype(self._rotated.dtype)
        found = [self._rotated[part] ** 2 @ weights for part in parts(len(self._rotated))]
        return np.concatenate(found).astype(np.float64)
