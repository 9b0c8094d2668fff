"""What heads learn from: the bottlenecks of all backbones and views, put in shape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh

from cleaner.arrays import InputMeans, ItemMask, ReducedViews, RidgeInputs
from cleaner.learning.stored import SomeFeatures

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


def joined(view_features: Sequence[SomeFeatures]) -> Joined:
    """Return what the ridge learns from."""
    items, columns = view_features[0].shape[1], _columns(view_features)
    means = np.empty(columns[-1].stop, np.float32)
    rows = np.empty((items, means.size + 1), np.float32)
    rows[:, -1] = 1
    for features, own in zip(view_features, columns, strict=True):
        for part in parts(items):
            rows[part, own] = _mean_view(features, part)
        means[own] = rows[:, own].mean(axis=0, dtype=np.float64)
        for part in parts(items):
            _centre(rows[part, own], means[own], len(view_features))
    return Joined(rows, means)


@dataclass(frozen=True, slots=True)
class StoredInputs:
    """The rows of `Joined`, computed of features on disk each time a part is asked for.

    Attributes:
        view_features: one a backbone.
        means: as in `Joined`.
    """

    view_features: tuple[SomeFeatures, ...]
    means: InputMeans

    @classmethod
    def of(cls, view_features: tuple[SomeFeatures, ...]) -> StoredInputs:
        """Go through the features once, for their means."""
        return cls(view_features, np.concatenate([_mean_of(each) for each in view_features]))

    def __len__(self) -> int:
        return int(self.view_features[0].shape[1])

    @property
    def shape(self) -> tuple[int, int]:
        """Items and inputs."""
        return len(self), self.means.size + 1

    def __getitem__(self, items: slice | np.ndarray) -> np.ndarray:
        """Return (item, input), float32."""
        rows = np.empty((np.arange(len(self))[items].size, self.means.size + 1), np.float32)
        rows[:, -1] = 1
        columns = _columns(self.view_features)
        for features, own in zip(self.view_features, columns, strict=True):
            rows[:, own] = _mean_view(features, items)
            _centre(rows[:, own], self.means[own], len(columns))
        return rows


# What the ridge learns from, wherever it is.
SomeInputs = RidgeInputs | StoredInputs


def _columns(view_features: Sequence[SomeFeatures]) -> list[slice]:
    """Return where each backbone's inputs stand."""
    rights = np.cumsum([features.shape[2] for features in view_features]).tolist()
    return [slice(left, right) for left, right in zip([0, *rights], rights, strict=False)]


def _mean_view(features: SomeFeatures, items: slice | np.ndarray) -> np.ndarray:
    rooted: np.ndarray = np.sqrt(np.maximum(features[:, items].mean(axis=0), 0))
    return rooted


def _mean_of(features: SomeFeatures) -> np.ndarray:
    total, items = np.zeros(features.shape[2]), features.shape[1]
    for part in parts(items):
        total += _mean_view(features, part).sum(axis=0, dtype=np.float64)
    mean: np.ndarray = (total / items).astype(np.float32)
    return mean


def _centre(rows: np.ndarray, means: InputMeans, backbones: int) -> None:
    """Centre one backbone's inputs in place, and give each the length that is its share."""
    rows -= means
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    rows /= np.maximum(lengths, 1e-12) * backbones**0.5


def reduced(view_features: Sequence[SomeFeatures], trains: ItemMask) -> ReducedViews:
    """Return (view, item, direction): every view along the main directions of the plain one.

    Standardised, square-rooted features of all backbones; mean 0, and scale 1 on the whole.
    Labels have no part in it, and items that train nothing none in the directions.
    """
    reduction, spread = Reduction.of(view_features, trains), Spread()
    found = np.empty(reduction.shape, np.float32)
    for part, rows in zip(parts(found.shape[1]), reduction.parts(), strict=True):
        spread.add(rows)
        found[:, part] = rows
    found /= spread.deviation
    return found


@dataclass(frozen=True, slots=True)
class Reduction:
    """What `reduced` does to each view, but for the scale, which is known when all are done.

    Attributes:
        view_features: one a backbone.
        axes: (input, direction).
        centre: (direction,), where the mean of the plain view comes to lie.
    """

    view_features: Sequence[SomeFeatures]
    axes: np.ndarray
    centre: np.ndarray

    @classmethod
    def of(cls, view_features: Sequence[SomeFeatures], trains: ItemMask) -> Reduction:
        """Go through the plain view twice, for its moments and for its directions."""
        training = np.flatnonzero(trains)
        mean, scale = _moments(view_features, training)
        product = np.zeros((mean.size, mean.size), np.float32)
        for part in parts(training.size):
            seen = (_rooted(view_features, 0, training[part]) - mean) / scale
            product += seen.T @ seen
        axes = main_directions(product, DIRECTIONS) / scale[:, None]
        return cls(view_features, axes, mean @ axes)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Views, items and directions."""
        views, items = self.view_features[0].shape[:2]
        return int(views), int(items), self.axes.shape[1]

    def parts(self) -> Iterator[np.ndarray]:
        """Yield (view, item, direction) of one part of the items after another."""
        views, items, directions = self.shape
        for part in parts(items):
            rows = np.empty((views, part.stop - part.start, directions), np.float32)
            for view in range(views):
                np.matmul(_rooted(self.view_features, view, part), self.axes, out=rows[view])
            rows -= self.centre
            yield rows


class Spread:
    """The standard deviation of numbers that come in parts."""

    def __init__(self) -> None:
        self._count, self._sum, self._squares = 0, 0.0, 0.0

    def add(self, rows: np.ndarray) -> None:
        """Count these in."""
        self._count += rows.size
        self._sum += float(rows.sum(dtype=np.float64))
        self._squares += float(np.einsum("vid,vid->", rows, rows, dtype=np.float64))

    @property
    def deviation(self) -> float:
        """Of all that were counted in; never 0."""
        mean = self._sum / self._count
        return max(float(np.sqrt(max(self._squares / self._count - mean**2, 0))), _TINY)


def _moments(
    view_features: Sequence[SomeFeatures], items: np.ndarray
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


def spectrum(rows: SomeInputs, trains: ItemMask | None = None) -> Spectrum:
    """Return the directions of the rows that train, float64, by the smaller of their two products.

    Directions without any weight are left out: no prediction has a part along them.
    """
    training = np.arange(len(rows)) if trains is None else np.flatnonzero(trains)
    width = rows.shape[1]
    if training.size >= width:
        product = np.zeros((width, width))
        for part in read_ahead(rows, (training[part] for part in parts(training.size))):
            exact = part.astype(np.float64)
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


def read_ahead(rows: SomeInputs, wanted: Iterable[slice | np.ndarray]) -> Iterator[np.ndarray]:
    """Yield parts of the rows; while one is worked on, the next is read."""
    with ThreadPoolExecutor(1, thread_name_prefix="rows") as reader:
        coming = None
        for places in wanted:
            ready, coming = coming, reader.submit(rows.__getitem__, places)
            if ready is not None:
                yield ready.result()
        if coming is not None:
            yield coming.result()


def _rooted(
    view_features: Sequence[SomeFeatures], view: int, items: slice | np.ndarray
) -> np.ndarray:
    """Return (item, input) of some of the items."""
    side_by_side = np.hstack([features[view, items] for features in view_features])
    rooted: np.ndarray = np.sqrt(np.maximum(side_by_side, 0, out=side_by_side), out=side_by_side)
    return rooted
