"""What heads need of the features alone: labels have no part in it, so it outlives a round.

Each part is computed when it is first asked for. With a folder it is kept there under a
fingerprint of what it follows from; the next round of the same images only reads it.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from cleaner.arrays import Features, Groups, ItemMask
from cleaner.learning import inputs, views_on_disk
from cleaner.learning.inputs import Joined, Reduction, SomeInputs, Spectrum, StoredInputs, parts
from cleaner.learning.stored import SomeFeatures, StoredFeatures
from cleaner.learning.views_on_disk import SomeViews, ViewsOnDisk
from cleaner.nearest import Nearest, nearest

NEIGHBOURS = 20
# Raised with every change to what a part holds.
_FORMAT = 1

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shelf:
    """A folder of parts, each of one state of the data; without a folder nothing is kept.

    Attributes:
        folder: where, or None.
        state: names the data that the parts follow from.
    """

    folder: Path | None
    state: str

    def __call__(
        self,
        part: str,
        compute: Callable[[], tuple[np.ndarray, ...]],
        lasts: Callable[[], bool] = lambda: True,
    ) -> tuple[np.ndarray, ...]:
        """Return the part as it was kept, or compute it, and keep it if it then `lasts`."""
        if self.folder is None:
            return compute()
        path = self.folder / f"{part}-{self.state}.npz"
        found = _read(path)
        if found is not None:
            return found
        found = compute()
        if lasts():
            with _unkept(path):
                _write(path, lambda beside: _save(beside, found), instead_of=f"{part}-*")
        return found

    def file(self, part: str, write: Callable[[Path], None]) -> Path | None:
        """Return where a part lies that is never in memory as a whole, written if it was not there.

        Without a folder, or where that takes nothing, there is None.
        """
        if self.folder is None:
            return None
        path = self.folder / f"{part}-{self.state}.npy"
        with _unkept(path):
            if not path.exists():
                _write(path, write, instead_of=f"{part}-*")
            return path
        return None


def fingerprint(view_features: Sequence[SomeFeatures], groups: Groups, *more: np.ndarray) -> str:
    """Name features by their sums: far quicker than by all of their bytes, and as telling.

    Those on disk are named by what they are of. Of the groups only who is in one with whom: their
    numbers change whenever a file moves.
    """
    digest = hashlib.sha256(str(_FORMAT).encode())
    for features in view_features:
        digest.update(str(features.shape).encode())
        if isinstance(features, StoredFeatures):
            digest.update(features.fingerprint())
            continue
        digest.update(features.sum(axis=2, dtype=np.float64).tobytes())
        digest.update(features.sum(axis=1, dtype=np.float64).tobytes())
    _numbers, first, own = np.unique(groups, return_index=True, return_inverse=True)
    for array in (first[own], *more):
        digest.update(array.tobytes())
    return digest.hexdigest()[:32]


@dataclass(frozen=True)
class Geometry:
    """The shape of the features.

    Attributes:
        view_features: one (view, item, feature) array a backbone, float32, or on disk.
        trains: (item,), the others are sealed.
        groups: (item,), duplicates share a number.
        folder: where parts are kept, or None.
    """

    view_features: tuple[SomeFeatures, ...]
    trains: ItemMask
    groups: Groups
    folder: Path | None = None

    @cached_property
    def joined(self) -> Joined:
        """As `inputs.joined`; quicker to compute than to read."""
        return inputs.joined(self.view_features)

    @cached_property
    def rows(self) -> SomeInputs:
        """Those of `joined`; of features on disk they are computed part by part."""
        return StoredInputs.of(self.view_features) if self._on_disk else self.joined.rows

    @property
    def _on_disk(self) -> bool:
        return any(isinstance(features, StoredFeatures) for features in self.view_features)

    @cached_property
    def reduced(self) -> SomeViews:
        """As `inputs.reduced`; of features on disk they stay there as well."""
        if self._on_disk and (found := self._reduced_on_disk()) is not None:
            return found
        (held,) = self._kept("reduced", lambda: (inputs.reduced(self.view_features, self.trains),))
        return held

    def _reduced_on_disk(self) -> ViewsOnDisk | None:
        report = next(x.report for x in self.view_features if isinstance(x, StoredFeatures))

        def compute(path: Path) -> None:
            views_on_disk.write(path, Reduction.of(self.view_features, self.trains), report)

        path = self._kept.file("reduced", compute)
        if path is None:
            return None
        try:
            return ViewsOnDisk.opened(path)
        except ValueError as error:
            log.warning("%s is damaged (%s); it is computed again.", path, error)
            path.unlink()
            return self._reduced_on_disk()

    @cached_property
    def alike(self) -> Features:
        """(item, direction), unit length: the product of two says how alike two images are."""
        _views, items, directions = self.reduced.shape
        alike = np.empty((items, directions), np.float32)
        for part in parts(items):
            mean = self.reduced[:, part].mean(axis=0)
            alike[part] = mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-6)
        return alike

    @cached_property
    def spectrum(self) -> Spectrum:
        """As `inputs.spectrum`, of the rows that train."""
        found = self._kept("spectrum", lambda: inputs.spectrum(self.rows, self.trains))
        return Spectrum(*found)

    @cached_property
    def nearest(self) -> Nearest:
        """The nearest training items of each, by the cosine of the mean reduced view."""

        def compute() -> Nearest:
            return nearest(self.alike, NEIGHBOURS, groups=self.groups, among=self.trains)

        return Nearest(*self._kept("nearest", compute))

    @cached_property
    def _kept(self) -> Shelf:
        if self.folder is None:
            return Shelf(None, "")
        return Shelf(self.folder, fingerprint(self.view_features, self.groups, self.trains))


def _read(path: Path) -> tuple[np.ndarray, ...] | None:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            return tuple(kept.values())
    except OSError:
        return None
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        log.warning("%s is damaged (%s); it is computed again.", path, error)
        return None


def _write(path: Path, write: Callable[[Path], None], *, instead_of: str) -> None:
    """Keep a part whole or not at all.

    What was kept of another state goes first, and what a kill left unfinished: there may not be
    room for both.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for other in path.parent.glob(instead_of):
        if other != path:
            other.unlink(missing_ok=True)
    beside = path.with_name(f"{path.name}-{os.getpid()}.part")
    try:
        write(beside)
        beside.replace(path)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()


def _save(path: Path, arrays: tuple[np.ndarray, ...]) -> None:
    with path.open("wb") as file:
        np.savez(file, *arrays)


@contextlib.contextmanager
def _unkept(path: Path) -> Iterator[None]:
    """Say that a part could not be kept; the round does not depend on it."""
    try:
        yield
    except OSError as error:
        log.warning("%s cannot be kept for the next round: %s.", path, error)
