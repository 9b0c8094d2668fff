"""A solved ridge that follows when labels change and rows leave, without solving again.

The prediction for every item is F = K Y with the hat matrix K = rows rows'. Another label for
item i changes F by its column of K: one product of all rows with one of them. Without item i
the hat matrix is K + k k' / (1 - k_i), k its column; with it again, K - k k' / (1 + k_i)
(Sherman and Morrison, Annals of Mathematical Statistics 21, 1950). Several at once follow from
the Cholesky factor of the block where they meet. K itself is never formed: what rows have
left or returned is kept as a few directions that correct a row before it is multiplied.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cleaner.arrays import ClassRows, Groups, HatRows, ItemMask, LabelQuality, Labels

# Rows that leave or return are worked off in such parts: a column of each is in memory at once.
_AT_ONCE = 32
# Up to here, one product with a vector after the other reads memory faster than one with a
# matrix, which BLAS first packs: 23 ms a column against 130 ms for two to ten of them, measured
# on 100,000 x 1,281 float32.
_FEW_COLUMNS = 5


class Linear:
    """Leave-group-out predictions of a ridge, kept in step with labels and members.

    Args:
        rows: (item, direction), as in `predictions.RidgeFit`; never written to.
        fitted: (class, item), float64; taken over and changed in place.
        leverage: (item,), float64.
        labels: (item,), index of the current label.
        trains: (item,), whether an item is learnt from.
        groups: (item,), duplicates share a number and are left out together.
    """

    def __init__(
        self,
        rows: HatRows,
        fitted: ClassRows,
        leverage: LabelQuality,
        labels: Labels,
        trains: ItemMask,
        groups: Groups,
    ) -> None:
        self._rows = rows
        self._fitted = fitted
        self._leverage = leverage.copy()
        self._labels = labels.copy()
        self._trains = trains.copy()
        self._groups = [_Groups(rows, members) for members in _by_size(groups, trains)]
        self._corrections = np.empty((0, rows.shape[1]))
        self._signs = np.empty(0)

    @property
    def labels(self) -> Labels:
        """The current labels; not to be written to."""
        return self._labels

    @property
    def trains(self) -> ItemMask:
        """Who is learnt from; not to be written to."""
        return self._trains

    def relabel(self, places: np.ndarray, labels: Labels) -> None:
        """Give these items other labels; those that train nothing change nothing else."""
        taught = self._trains[places]
        if taught.any():
            self._teach(places[taught], labels[taught])
        self._labels[places] = labels

    def _teach(self, places: np.ndarray, labels: Labels) -> None:
        before = self._labels[places]
        touched, column = np.unique(np.concatenate([before, labels]), return_inverse=True)
        item = np.arange(len(places))
        change = np.zeros((len(places), len(touched)))
        change[item, column[len(places) :]] = 1
        change[item, column[: len(places)]] -= 1
        toward = self._corrected(places)
        # Whichever is fewer: a column an item, or one a class.
        if len(places) <= len(touched):
            spread = self._spread(toward) @ change
        else:
            spread = self._spread(change.T @ toward)
        for row, part in zip(touched, spread.T, strict=True):
            self._fitted[row] += part

    def leave(self, places: np.ndarray) -> None:
        """Learn nothing from these items any more; all of them must train now."""
        self._change_members(places, sign=1)

    def rejoin(self, places: np.ndarray) -> None:
        """Learn from these items again, with the labels they have now."""
        self._change_members(places, sign=-1)

    def _change_members(self, places: np.ndarray, *, sign: int) -> None:
        for start in range(0, len(places), _AT_ONCE):
            part = places[start : start + _AT_ONCE]
            toward = self._corrected(part)
            meeting = self._rows[part].astype(np.float64) @ toward.T
            factor = np.linalg.cholesky(np.eye(len(part)) - sign * meeting)
            toward = np.linalg.solve(factor, toward)
            self._change_fitted(part, factor, self._spread(toward), sign)
            self._corrections = np.vstack([self._corrections, toward])
            self._signs = np.append(self._signs, np.full(len(part), float(sign)))
            self._trains[part] = sign < 0

    def _change_fitted(
        self, places: np.ndarray, factor: np.ndarray, spread: np.ndarray, sign: int
    ) -> None:
        targets = np.arange(len(self._fitted))[:, None] == self._labels[places]
        residual = np.linalg.solve(factor, (targets - self._fitted[:, places]).T)
        for row, part in zip(self._fitted, residual.T, strict=True):
            row -= sign * (spread @ part)
        self._leverage += sign * np.einsum("ij,ij->i", spread, spread)
        for groups in self._groups:
            groups.change(spread, sign)

    def _corrected(self, places: np.ndarray) -> HatRows:
        """Return the rows of these items, such that their product with all rows is now K's."""
        toward: HatRows = self._rows[places].astype(np.float64)
        toward += (toward @ self._corrections.T * self._signs) @ self._corrections
        return toward

    def _spread(self, toward: np.ndarray) -> np.ndarray:
        """Return (item, k), what each item feels of these k directions."""
        narrow = toward.astype(self._rows.dtype)
        felt: np.ndarray
        if len(narrow) > _FEW_COLUMNS:
            felt = self._rows @ narrow.T
        else:
            felt = np.stack([self._rows @ one for one in narrow], axis=1)
        return felt.astype(np.float64)

    def left_out(self, parts: Iterator[slice]) -> Iterator[tuple[slice, ClassRows]]:
        """Yield (class, item) predictions a part, each without the item's own group."""
        leverage = np.where(self._trains, self._leverage, 0)
        factor = 1 / (1 - leverage)
        own = leverage * factor
        together = self._left_out_together()
        for part in parts:
            predictions = self._fitted[:, part] * factor[part]
            predictions[self._labels[part], np.arange(predictions.shape[1])] -= own[part]
            for places, values in together:
                low, high = np.searchsorted(places, (part.start, part.stop))
                predictions[:, places[low:high] - part.start] = values[:, low:high]
            yield part, predictions

    def _left_out_together(self) -> list[tuple[np.ndarray, np.ndarray]]:
        return [
            groups.left_out(self._fitted, self._labels, self._trains) for groups in self._groups
        ]


class _Groups:
    """The groups of one size, each with its block of the hat matrix."""

    def __init__(self, rows: HatRows, members: np.ndarray) -> None:
        self._members = members  # (group, member)
        wide = rows[members].astype(np.float64)
        self._blocks = wide @ wide.transpose(0, 2, 1)
        order = np.argsort(members, axis=None)
        self._order, self._places = order, members.ravel()[order]

    def change(self, spread: np.ndarray, sign: int) -> None:
        """Follow members of the training set that leave or return."""
        felt = spread[self._members]
        self._blocks += sign * (felt @ felt.transpose(0, 2, 1))

    def left_out(
        self, fitted: ClassRows, labels: Labels, trains: ItemMask
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the items' places, rising, and their (class, item) predictions."""
        targets = np.arange(len(fitted)) == labels[self._members][:, :, None]
        missing = targets - fitted[:, self._members].transpose(1, 2, 0)
        taught = trains[self._members]
        # A member that trains nothing is predicted by what is fitted, as in no group at all.
        blocks = self._blocks * (taught[:, :, None] & taught[:, None, :])
        residual = np.linalg.solve(np.eye(blocks.shape[1]) - blocks, missing)
        predictions = (targets - residual).reshape(-1, len(fitted))
        return self._places, predictions[self._order].T


def _by_size(groups: Groups, trains: ItemMask) -> list[np.ndarray]:
    """Return (group, member) places of the training groups of two or more, an array a size."""
    places = np.flatnonzero(trains)
    places = places[np.argsort(groups[places], kind="stable")]
    borders = np.flatnonzero(np.diff(groups[places])) + 1
    by_size: dict[int, list[np.ndarray]] = {}
    for members in np.split(places, borders):
        if members.size > 1:
            by_size.setdefault(members.size, []).append(members)
    return [np.stack(members) for members in by_size.values()]
