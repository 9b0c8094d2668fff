"""Bottleneck features of every image and its views, computed once and kept by content.

Labels change in every round; pixels do not. Each image is decoded once, its views are drawn
with a generator seeded by the image's own content, and what is cached is never redone.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cleaner import images, processors
from cleaner.arrays import RGBImage, SquareImage, ViewFeatures
from cleaner.backbones.base import Backbone, Extractor
from cleaner.cache import RowCache
from cleaner.errors import ImageRejected
from cleaner.learning import augment
from cleaner.progress import Progress, Report, silent

# A kill loses at most this many images' work.
SHARD_ITEMS = 256
# The first views are the whole picture: beside two heavy ones, the mirror image improves the
# ranking more than a third heavy view does.
_STILL_VIEWS = ("plain", "mirrored")


@dataclass(frozen=True, slots=True)
class Source:
    """Where an image is read from, and what it must be."""

    path: Path
    root: Path
    content_hash: str


@dataclass(frozen=True, slots=True)
class Bottlenecks:
    """Features of the images that could be read.

    Attributes:
        features: (view, readable item, feature), float32; view 0 is the plain image, view 1 its
            mirror image, the others are heavily augmented.
        readable: index into the sources for each item of `features`, rising.
        rejected: (source, reason) of files that could not be read.
    """

    features: ViewFeatures
    readable: tuple[int, ...]
    rejected: tuple[tuple[Source, str], ...]


def view_features(
    sources: Sequence[Source],
    backbone: Backbone,
    *,
    views: int,
    seed: int,
    cache_folder: Path,
    report: Report = silent,
) -> Bottlenecks:
    """Return the features of `views` views of every image, from the cache where it has them."""
    shelf = cache_folder / "features" / backbone.content_id
    caches = [RowCache(shelf / _view_key(view, seed)) for view in range(views)]
    missing = _distinct(
        source for source in sources if not all(source.content_hash in cache for cache in caches)
    )
    rejected = _fill(missing, _Viewer(backbone, seed), caches, report)
    readable = tuple(i for i, s in enumerate(sources) if s.content_hash not in rejected)
    hashes = [sources[index].content_hash for index in readable]
    features = np.stack([cache.rows(hashes) for cache in caches])
    refused = tuple((s, rejected[s.content_hash]) for s in sources if s.content_hash in rejected)
    return Bottlenecks(features, readable, refused)


def _view_key(view: int, seed: int) -> str:
    if view < len(_STILL_VIEWS):
        return _STILL_VIEWS[view]
    return f"heavy{augment.VERSION}-seed{seed}-view{view}"


def _distinct(sources: Iterator[Source]) -> list[Source]:
    return list({source.content_hash: source for source in sources}.values())


def _fill(
    missing: Sequence[Source], viewer: _Viewer, caches: Sequence[RowCache], report: Report
) -> dict[str, str]:
    """Compute and keep what is missing; return reasons by content hash for unreadable files."""
    rejected: dict[str, str] = {}
    stage = f"Looking at the images with {viewer.name}"
    with ThreadPoolExecutor(processors.available()) as pool:
        for start in range(0, len(missing), SHARD_ITEMS):
            shard = missing[start : start + SHARD_ITEMS]
            tasks = [
                pool.submit(
                    viewer.rows,
                    source,
                    [v for v, cache in enumerate(caches) if source.content_hash not in cache],
                )
                for source in shard
            ]
            found: list[list[tuple[str, np.ndarray]]] = [[] for _ in caches]
            try:
                for done, (source, task) in enumerate(zip(shard, tasks, strict=True), start + 1):
                    rows = task.result()
                    if isinstance(rows, ImageRejected):
                        rejected[source.content_hash] = str(rows)
                    else:
                        for view, row in rows.items():
                            found[view].append((source.content_hash, row))
                    report(Progress(stage, done, len(missing)))
            finally:
                # A cancelled shard keeps what was already computed.
                for task in tasks:
                    task.cancel()
                for cache, entries in zip(caches, found, strict=True):
                    if entries:
                        hashes, stack = zip(*entries, strict=True)
                        cache.add(hashes, np.stack(stack))
    return rejected


class _Viewer:
    """Reads an image and runs its views through the network, in any number of threads."""

    def __init__(self, backbone: Backbone, seed: int) -> None:
        self.name = backbone.info.name
        self._backbone = backbone
        self._side_px = backbone.info.input_side_px
        self._seed = seed
        self._local = threading.local()

    def rows(self, source: Source, views: Sequence[int]) -> dict[int, np.ndarray] | ImageRejected:
        """Return one feature vector a view."""
        try:
            data = images.read_bytes(source.path, root=source.root)
            if hashlib.sha256(data).hexdigest() != source.content_hash:
                raise ImageRejected("changed", "the file was changed since the scan; scan again")
            least_side_px = round(self._side_px * images.DECODE_MARGIN)
            image = images.decode(data, min_side_px=least_side_px)
        except ImageRejected as error:
            return error
        pictures = [self._view(image, view, source.content_hash) for view in views]
        return dict(zip(views, self._extractor()(np.stack(pictures)), strict=True))

    def _view(self, image: RGBImage, view: int, content_hash: str) -> SquareImage:
        if view < len(_STILL_VIEWS):
            plain = images.squared(image, self._side_px)
            return plain if view == 0 else plain[:, ::-1]
        rng = np.random.default_rng([self._seed, view, int(content_hash[:16], 16)])
        return augment.augmented(image, self._side_px, rng)

    def _extractor(self) -> Extractor:
        if not hasattr(self._local, "extractor"):
            self._local.extractor = self._backbone.extractor()
        extractor: Extractor = self._local.extractor
        return extractor
