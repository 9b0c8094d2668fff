"""The leave-one-out predictions of a ridge whose rows are never held together.

All that is learnt is two sums over parts of the rows: their product with themselves, of which
`inputs.spectrum` is the eigendecomposition, and with the labels (map and reduce). A further pass
predicts part by part. So the memory it takes goes by the square of the features; what grows with
the items is (item, class) numbers, and rows of items with duplicates, which wait in a file until
their group is complete.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

import numpy as np

from cleaner import memory
from cleaner.arrays import Groups, InputMeans, ItemMask, Labels, PredProbs
from cleaner.learning.inputs import SomeInputs, Spectrum, parts, read_ahead
from cleaner.predictions import RidgeFit

# Up to here rows are kept in float64: with few images 1 - leverage is so small that float32
# would spoil it. More images push leverages down, and half the bytes are read in half the time.
_EXACT_BYTES = 64 * 2**20

log = logging.getLogger(__name__)


def exactness(rows: int, directions: int) -> type[np.floating]:
    """Return the type that so many rows are rotated in."""
    return np.float64 if 8 * rows * directions <= _EXACT_BYTES else np.float32


def shrinkage(spectrum: Spectrum, penalty: float) -> np.ndarray:
    """Return (direction,): what the ridge makes of each; the penalty is one of all items."""
    found: np.ndarray = 1 / (np.maximum(spectrum.eigenvalues, 0) + penalty)
    return found


def positions_of_groups(groups: Groups, trains: ItemMask) -> list[np.ndarray]:
    """Return the training rows of every group of two or more."""
    groups = np.where(trains, groups, -1 - np.arange(len(groups)))
    order = np.argsort(groups, kind="stable")
    borders = np.flatnonzero(np.diff(groups[order])) + 1
    return [rows for rows in np.split(order, borders) if rows.size > 1]


def left_out_together(
    members: np.ndarray, shrink: np.ndarray, targets: PredProbs, fitted: PredProbs
) -> PredProbs:
    """Return what is predicted for the members of a group by a model that saw none of them.

    Args:
        members: (item, direction), their rotated rows.
        shrink: (direction,).
        targets: (item, class).
        fitted: (item, class), predictions of the model that saw all.
    """
    members = members.astype(np.float64)
    block = (members * shrink) @ members.T
    predictions: PredProbs = targets - np.linalg.solve(np.eye(len(block)) - block, targets - fitted)
    return predictions


@dataclass(frozen=True)
class RidgeInParts:
    """A ridge over rows that are read part by part, in several passes.

    Attributes:
        inputs: (item, input).
        spectrum: of the training ones.
        labels: (item,).
        class_count: how many classes there are.
        trains: (item,), the others are only predicted.
        groups: (item,), duplicates share a number and leave together.
        folder: where numbers of all items are put meanwhile; None is where temporary files are.
    """

    inputs: SomeInputs
    spectrum: Spectrum
    labels: Labels
    class_count: int
    trains: ItemMask
    groups: Groups
    folder: Path | None = None

    def left_out(self, penalties: Sequence[float]) -> Iterator[PredProbs]:
        """Yield predictions of (item, class) for each penalty, after one pass for all of them.

        An item's own group never helped to make them.

        Args:
            penalties: shares of the number of training items.
        """
        shrinks = [self._shrink(penalty) for penalty in penalties]
        with ExitStack() as stack:
            files = [stack.enter_context(_scratch(self.folder)) for _ in penalties]
            groups = positions_of_groups(self.groups, self.trains)
            members = _Members(stack.enter_context(_scratch(self.folder)), groups, len(self.labels))
            for part, rotated in self._rotated():
                members.note(part, rotated)
                for file, predictions in zip(
                    files, self._alone(part, rotated, shrinks), strict=True
                ):
                    file.write(predictions.tobytes())
            for file, shrink in zip(files, shrinks, strict=True):
                predictions = _read(file, (len(self.labels), self.class_count))
                for places, rows in members.groups():
                    fitted = rows @ (shrink[:, None] * self._product)
                    predictions[places] = left_out_together(
                        rows, shrink, self._targets(places), fitted
                    )
                yield predictions

    def fit(self, penalty: float, scale: float, means: InputMeans) -> RidgeFit | None:
        """Return the model of all training items in the form that answers to other labels.

        Its rows are mapped from a file that has no name, and is gone with them. None where they
        are more than the memory that is free, as each answer needs all of them; or where there
        is no room on the disk.
        """
        kind = exactness(len(self.labels), len(self.spectrum.vectors))
        size = len(self.labels) * len(self.spectrum.eigenvalues) * np.dtype(kind).itemsize
        if size > memory.available_bytes():
            log.warning("Decisions are followed in the next round: %d MB of rows.", size // 2**20)
            return None
        try:
            with _scratch(self.folder) as file:
                return self._fit(self._shrink(penalty), scale, means, file)
        except OSError as error:
            log.warning("Decisions are followed in the next round: %s.", error)
            return None

    def _fit(
        self, shrink: np.ndarray, scale: float, means: InputMeans, file: IO[bytes]
    ) -> RidgeFit:
        root = np.sqrt(shrink)
        fitted = np.empty((len(self.labels), self.class_count))
        leverage = np.empty(len(self.labels))
        kind = exactness(len(self.labels), len(root))
        for part, rotated in self._rotated():
            rows = rotated * root.astype(kind)
            file.write(rows.tobytes())
            fitted[part] = rows @ (root[:, None] * self._product)
            leverage[part] = np.einsum("ij,ij->i", rows, rows, dtype=np.float64)
        file.flush()
        shape = (len(self.labels), len(root))
        return RidgeFit(
            rows=np.asarray(np.memmap(file, kind, "r", shape=shape)),
            fitted=fitted,
            leverage=leverage,
            scale=scale,
            basis=(self.spectrum.vectors * root).astype(np.float32),
            taught=root[:, None] * self._product,
            means=means,
        )

    @cached_property
    def _product(self) -> np.ndarray:
        """(direction, class), float64: the training rows' product with their labels."""
        wanted = list(parts(len(self.labels)))
        total = np.zeros((self.inputs.shape[1], self.class_count))
        for part, rows in zip(wanted, read_ahead(self.inputs, wanted), strict=True):
            taught = np.where(self.trains[part, None], self._targets(part), 0)
            total += rows.T.astype(np.float64) @ taught
        product: np.ndarray = self.spectrum.vectors.T @ total
        return product

    def _rotated(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield a part of the items and its rows, along the directions, one after another."""
        vectors = self.spectrum.vectors
        kind = exactness(len(self.labels), len(vectors))
        wanted = list(parts(len(self.labels)))
        for part, rows in zip(wanted, read_ahead(self.inputs, wanted), strict=True):
            yield part, rows.astype(kind, copy=False) @ vectors.astype(kind, copy=False)

    def _alone(
        self, part: slice, rotated: np.ndarray, shrinks: Sequence[np.ndarray]
    ) -> Iterator[PredProbs]:
        """Yield what is predicted of a part by each penalty, every item left out by itself."""
        kind = rotated.dtype
        weights = np.hstack([shrink[:, None] * self._product for shrink in shrinks]).astype(kind)
        fitted = np.split((rotated @ weights).astype(np.float64), len(shrinks), axis=1)
        leverages = (rotated**2 @ np.stack(shrinks, axis=1).astype(kind)).astype(np.float64)
        leverages[~self.trains[part]] = 0
        targets = self._targets(part)
        for own, leverage in zip(fitted, leverages.T[:, :, None], strict=True):
            yield (own - leverage * targets) / (1 - leverage)

    def _targets(self, items: slice | np.ndarray) -> PredProbs:
        """Return (item, class), 1 where an item has the label."""
        found: PredProbs = np.eye(self.class_count)[self.labels[items]]
        return found

    def _shrink(self, penalty: float) -> np.ndarray:
        return shrinkage(self.spectrum, penalty * int(self.trains.sum()))


class _Members:
    """Rows of items that have duplicates, in a file where those of a group stand together."""

    def __init__(self, file: IO[bytes], groups: list[np.ndarray], items: int) -> None:
        self._file = file
        self._groups = groups
        self._place = np.full(items, -1)
        if groups:
            together = np.concatenate(groups)
            self._place[together] = np.arange(together.size)
        self._kind: np.dtype[np.floating] = np.dtype(np.float64)
        self._width = 0

    def note(self, part: slice, rows: np.ndarray) -> None:
        """Keep those rows of a part of the items that are in a group."""
        self._kind, self._width = rows.dtype, rows.shape[1]
        places = self._place[part]
        for number in np.flatnonzero(places >= 0).tolist():
            self._file.seek(int(places[number]) * rows[number].nbytes)
            self._file.write(rows[number].tobytes())

    def groups(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the places of a group's items, and their rows."""
        self._file.seek(0)
        for places in self._groups:
            data = self._file.read(places.size * self._width * self._kind.itemsize)
            yield places, np.frombuffer(data, self._kind).reshape(places.size, self._width)


def _scratch(folder: Path | None) -> IO[bytes]:
    """Open a file without a name, in the folder if that takes one."""
    if folder is not None:
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            return tempfile.TemporaryFile(dir=folder)
    return tempfile.TemporaryFile()


def _read(file: IO[bytes], shape: tuple[int, int]) -> PredProbs:
    file.seek(0)
    found: PredProbs = np.fromfile(file, np.float64).reshape(shape)
    return found
