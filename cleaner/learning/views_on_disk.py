"""The reduced views of all images in one file, of which memory holds what is asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cleaner.arrays import ReducedViews
from cleaner.learning.dealing import BLOCK
from cleaner.learning.inputs import Reduction, Spread
from cleaner.progress import Progress, Report

_NUMBER = np.dtype("<f4")
_AT_ONCE = 2**24  # bytes


@dataclass(frozen=True, slots=True)
class ViewsOnDisk:
    """Indexed as the array of (view, item, direction) that holds them; any thread may ask.

    The views of an item stand together, so that one reading serves whichever was drawn. It is read
    rather than mapped: what is mapped counts as memory of this process until others want it.

    Attributes:
        path: a plain ``.npy`` of (item, view, direction), float32.
        shape: views, items and directions.
        offset: bytes before the first number.
    """

    path: Path
    shape: tuple[int, int, int]
    offset: int

    @classmethod
    def opened(cls, path: Path) -> ViewsOnDisk:
        """Take a file as `write` left it.

        Raises:
            OSError: it is not there.
            ValueError: it is damaged or cut short.
        """
        with path.open("rb") as file:
            np.lib.format.read_magic(file)
            shape, _turned, kind = np.lib.format.read_array_header_1_0(file)
            offset = file.tell()
        whole = offset + _NUMBER.itemsize * int(np.prod(shape))
        if len(shape) != 3 or kind != _NUMBER or path.stat().st_size != whole:
            raise ValueError(f"{kind} of {shape} should be {whole} bytes")
        items, views, directions = shape
        return cls(path, (views, items, directions), offset)

    def __getitem__(self, places: tuple[slice | np.ndarray, slice | np.ndarray]) -> np.ndarray:
        """Return (item, direction) of a view an item, or (view, item, direction) of a slice.

        Args:
            places: views and items. Views are a slice, or (item,), one for each item.
        """
        views, items = places
        numbers = _numbers(items, self.shape[1])
        if isinstance(views, slice):
            found = np.empty((numbers.size, self.shape[0], self.shape[2]), np.float32)
            for own, rows in self._blocks(numbers):
                found[own] = rows
            return found.transpose(1, 0, 2)[views]
        found = np.empty((numbers.size, self.shape[2]), np.float32)
        for own, rows in self._blocks(numbers):
            found[own] = rows[np.arange(own.size), views[own]]
        return found

    def _blocks(self, numbers: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield which of the numbers lie in a block, and their (item, view, direction)."""
        order = np.argsort(numbers, kind="stable")
        blocks = numbers[order] // BLOCK
        borders = np.flatnonzero(np.diff(blocks)) + 1
        with self.path.open("rb") as file:
            for own in np.split(order, borders) if numbers.size else ():
                block = int(numbers[own[0]]) // BLOCK
                yield own, self._block(file.fileno(), block)[numbers[own] - block * BLOCK]

    def _block(self, file: int, number: int) -> np.ndarray:
        views, items, directions = self.shape
        first = number * BLOCK
        row_bytes = views * directions * _NUMBER.itemsize
        count = min(BLOCK, items - first)
        data = os.pread(file, count * row_bytes, self.offset + first * row_bytes)
        return np.frombuffer(data, _NUMBER).reshape(count, views, directions)


def _numbers(items: slice | np.ndarray, count: int) -> np.ndarray:
    return np.arange(*items.indices(count)) if isinstance(items, slice) else items


# Where the heads that learn by gradient find their numbers.
SomeViews = ReducedViews | ViewsOnDisk


def write(path: Path, reduction: Reduction, report: Report) -> None:
    """Write what `inputs.reduced` returns, durably and in parts.

    Args:
        path: where to.
        reduction: of the features.
        report: hears how far the second pass is, which gives the numbers their scale; the first
            is told by the features it reads.

    Raises:
        OSError: such as on a full disk.
    """
    spread = Spread()
    views, items, directions = reduction.shape
    header = {"descr": _NUMBER.str, "fortran_order": False, "shape": (items, views, directions)}
    with path.open("w+b") as file:
        np.lib.format.write_array_header_1_0(file, header)
        start = file.tell()
        for rows in reduction.parts():
            spread.add(rows)
            file.write(rows.transpose(1, 0, 2).tobytes())
        file.seek(start)
        while data := file.read(_AT_ONCE):
            file.seek(-len(data), os.SEEK_CUR)
            file.write((np.frombuffer(data, _NUMBER) / np.float32(spread.deviation)).tobytes())
            file.flush()
            done = (file.tell() - start) // (_NUMBER.itemsize * views * directions)
            report(Progress("Scaling the features on disk", done, items))
        os.fsync(file.fileno())
