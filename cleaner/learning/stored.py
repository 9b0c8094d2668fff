"""Features that stay on disk: a part of them is read each time it is looked at."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cleaner import memory, processors
from cleaner.arrays import ViewFeatures
from cleaner.cache import RowCache
from cleaner.progress import Progress, Report, silent

# Beside the features memory holds what the ridge makes of them: its inputs, and these rotated.
_WORKED_WITH = 2
# Of the memory that is free; the committee's other members and their votes need some as well.
_SHARE = 0.8


def _leave() -> None:
    """Put nothing back."""


@dataclass(frozen=True, slots=True)
class StoredFeatures:
    """One backbone's features, indexed as the array of (view, item, feature) that holds them.

    Memory holds what was asked for, as float32. Each reading is reported, and so can be cancelled.

    Attributes:
        caches: one a view; each has a row for every item.
        content_hashes: one an item.
        width: features of an item.
        name: of the network and its views: features of equal names and hashes are equal.
        report: hears how far a pass over the items is.
        mend: puts rows back that turn out to be damaged when they are read.
    """

    caches: tuple[RowCache, ...]
    content_hashes: Sequence[str] = field(repr=False)
    width: int
    name: str
    report: Report = silent
    mend: Callable[[], None] = field(default=_leave, repr=False)

    @classmethod
    def of(
        cls,
        views: Sequence[tuple[Path, RowCache]],
        content_hashes: Sequence[str],
        report: Report = silent,
        mend: Callable[[], None] = _leave,
    ) -> StoredFeatures:
        """Take a folder of rows for each view; their last two names say what the rows are of."""
        caches = tuple(cache for _folder, cache in views)
        width = caches[0].rows_or(content_hashes[:1], mend).shape[1]
        name = ", ".join("/".join(folder.parts[-2:]) for folder, _cache in views)
        return cls(caches, content_hashes, width, name, report, mend)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Views, items and features."""
        return len(self.caches), len(self.content_hashes), self.width

    def __getitem__(self, places: tuple[int | slice, slice | np.ndarray]) -> np.ndarray:
        """Return (item, feature) of one view, or (view, item, feature) of several."""
        views, items = places
        numbers = np.arange(len(self.content_hashes))[items]
        self._tell(numbers)
        hashes = [self.content_hashes[number] for number in numbers.tolist()]
        if isinstance(views, int):
            return self.caches[views].rows_or(hashes, self.mend)
        return np.stack([cache.rows_or(hashes, self.mend) for cache in self.caches[views]])

    def held(self) -> ViewFeatures:
        """Return all of them in memory."""
        features = np.empty(self.shape, np.float32)
        for view, cache in enumerate(self.caches):
            features[view] = cache.rows_or(self.content_hashes, self.mend)
        return features

    def fingerprint(self) -> bytes:
        """Name these features of these images, without reading them."""
        digest = hashlib.sha256(self.name.encode())
        for content_hash in self.content_hashes:
            digest.update(content_hash.encode())
        return digest.digest()

    def _tell(self, numbers: np.ndarray) -> None:
        done = int(numbers[-1]) + 1 if numbers.size else 0
        self.report(Progress("Learning from features on disk", done, len(self.content_hashes)))


# What a backbone's features are, wherever they lie.
SomeFeatures = ViewFeatures | StoredFeatures


def placed(stored: Sequence[StoredFeatures], place: str) -> tuple[SomeFeatures, ...]:
    """Return the features where they shall be while heads learn from them.

    Args:
        stored: one a backbone.
        place: one of `settings.FEATURE_PLACES`; `auto` takes the memory if they fit.
    """
    on_disk = place == "disk" or (place == "auto" and not fits(stored, memory.available_bytes()))
    return tuple(stored) if on_disk else in_memory(stored)


def fits(stored: Sequence[StoredFeatures], available_bytes: int) -> bool:
    """Tell whether features, and what the ridge makes of them, fit into so much memory."""
    numbers = sum(
        (views + _WORKED_WITH) * items * width
        for views, items, width in (features.shape for features in stored)
    )
    return 4 * numbers <= _SHARE * available_bytes


def in_memory(stored: Sequence[StoredFeatures]) -> tuple[ViewFeatures, ...]:
    """Read features into memory, one array a backbone."""
    # Side by side: most of the time goes into checking and widening what was read.
    with ThreadPoolExecutor(processors.available(), thread_name_prefix="rows") as pool:
        return tuple(pool.map(StoredFeatures.held, stored))
