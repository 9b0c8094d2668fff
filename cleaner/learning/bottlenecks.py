"""Bottleneck features of every image and its views, computed once and kept by content.

Labels change in every round; pixels do not. Each image is read once for all networks that have
not seen it, its views are drawn with a generator seeded by the image's own content, and what is
cached is never redone. Every processor decodes and computes; one more thread only writes.
"""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cleaner import images, processors
from cleaner.arrays import RGBImage, SquareImage, ViewFeatures
from cleaner.backbones.base import Backbone, Extractor
from cleaner.cache import RowCache
from cleaner.errors import ImageRejected
from cleaner.learning import augment
from cleaner.progress import Progress, Report, silent

# A kill loses at most this many images' work, and those being worked on.
SHARD_ITEMS = 256
# Images that wait in line for each processor, so that none is idle while a shard is written.
_WAITING_PER_WORKER = 16
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
    (found,) = committee_features(
        sources, [backbone], views=views, seed=seed, cache_folder=cache_folder, report=report
    )
    return found


def committee_features(
    sources: Sequence[Source],
    backbones: Sequence[Backbone],
    *,
    views: int,
    seed: int,
    cache_folder: Path,
    report: Report = silent,
) -> tuple[Bottlenecks, ...]:
    """Return each backbone's features, in one pass over the images.

    An image that could not be read for one backbone is left out for all.
    """
    columns = [
        [
            _Column(backbone, side_px, view, RowCache(shelf / _view_key(view, seed)))
            for view in range(views)
        ]
        for backbone, side_px, shelf in (
            (each, each.info.input_side_px, cache_folder / "features" / each.content_id)
            for each in backbones
        )
    ]
    rejected = _fill(sources, [column for own in columns for column in own], seed, report)
    readable = tuple(i for i, s in enumerate(sources) if s.content_hash not in rejected)
    hashes = [sources[index].content_hash for index in readable]
    refused = tuple((s, rejected[s.content_hash]) for s in sources if s.content_hash in rejected)
    return tuple(Bottlenecks(_stacked(own, hashes), readable, refused) for own in columns)


@dataclass(frozen=True, slots=True, eq=False)
class _Column:
    """One view as one backbone sees it, with the rows there are."""

    backbone: Backbone
    side_px: int
    view: int
    cache: RowCache


def _view_key(view: int, seed: int) -> str:
    if view < len(_STILL_VIEWS):
        return _STILL_VIEWS[view]
    return f"heavy{augment.VERSION}-seed{seed}-view{view}"


def _stacked(columns: Sequence[_Column], hashes: Sequence[str]) -> ViewFeatures:
    first = columns[0].cache.rows(hashes)
    features = np.empty((len(columns), *first.shape), np.float32)
    features[0] = first
    for view, column in enumerate(columns[1:], 1):
        features[view] = column.cache.rows(hashes)
    return features


def _fill(
    sources: Sequence[Source], columns: Sequence[_Column], seed: int, report: Report
) -> dict[str, str]:
    """Compute and keep what is missing; return reasons by content hash for unreadable files."""
    by_content = {source.content_hash: source for source in sources}
    missing = [s for s in by_content.values() if _lacking(columns, s.content_hash)]
    names = " and ".join(dict.fromkeys(column.backbone.info.name for column in columns))
    rejected: dict[str, str] = {}
    shard = _Shard()
    try:
        for done, (source, rows) in enumerate(_computed(missing, columns, seed), 1):
            if isinstance(rows, ImageRejected):
                rejected[source.content_hash] = str(rows)
            else:
                shard.add(source.content_hash, rows)
            report(Progress(f"Looking at the images with {names}", done, len(missing)))
    finally:
        # A cancelled run keeps what was already computed.
        shard.write()
    return rejected


def _lacking(columns: Sequence[_Column], content_hash: str) -> list[_Column]:
    return [column for column in columns if content_hash not in column.cache]


_Rows = list[tuple[_Column, np.ndarray]]


def _computed(
    missing: Sequence[Source], columns: Sequence[_Column], seed: int
) -> Iterator[tuple[Source, _Rows | ImageRejected]]:
    """Yield each image's missing rows, in order; a few are worked on ahead, so memory is flat."""
    viewer = _Viewer(seed)
    workers = processors.available()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="features")
    waiting: deque[tuple[Source, Future[_Rows | ImageRejected]]] = deque()
    try:
        for source in missing:
            lacking = _lacking(columns, source.content_hash)
            waiting.append((source, pool.submit(viewer.rows, source, lacking)))
            if len(waiting) >= workers * _WAITING_PER_WORKER:
                oldest, task = waiting.popleft()
                yield oldest, task.result()
        while waiting:
            oldest, task = waiting.popleft()
            yield oldest, task.result()
    finally:
        pool.shutdown(cancel_futures=True)


@dataclass(slots=True)
class _Shard:
    """Rows on their way to the disk."""

    items: int = 0
    rows: dict[_Column, list[tuple[str, np.ndarray]]] = field(default_factory=dict)

    def add(self, content_hash: str, rows: _Rows) -> None:
        for column, row in rows:
            self.rows.setdefault(column, []).append((content_hash, row))
        self.items += 1
        if self.items == SHARD_ITEMS:
            self.write()

    def write(self) -> None:
        full, self.rows, self.items = self.rows, {}, 0
        for column, pairs in full.items():
            hashes, rows = zip(*pairs, strict=True)
            column.cache.add(hashes, np.stack(rows))


class _Viewer:
    """Reads an image and runs its views through the networks, in any number of threads."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._local = threading.local()

    def rows(self, source: Source, columns: Sequence[_Column]) -> _Rows | ImageRejected:
        """Return one feature vector a column."""
        by_backbone: dict[Backbone, list[_Column]] = {}
        for column in columns:
            by_backbone.setdefault(column.backbone, []).append(column)
        try:
            pictures = _Pictures(_unchanged(source), source.content_hash, self._seed)
            return [pair for own in by_backbone.values() for pair in self._seen(own, pictures)]
        except ImageRejected as error:
            return error

    def _seen(self, columns: Sequence[_Column], pictures: _Pictures) -> _Rows:
        views = np.stack([pictures.view(column.view, column.side_px) for column in columns])
        return list(zip(columns, self._extractor(columns[0].backbone)(views), strict=True))

    def _extractor(self, backbone: Backbone) -> Extractor:
        opened: dict[Backbone, Extractor] = self._local.__dict__.setdefault("opened", {})
        if backbone not in opened:
            opened[backbone] = backbone.extractor()
        return opened[backbone]


def _unchanged(source: Source) -> bytes:
    data = images.read_bytes(source.path, root=source.root)
    if hashlib.sha256(data).hexdigest() != source.content_hash:
        raise ImageRejected("changed", "the file was changed since the scan; scan again")
    return data


class _Pictures:
    """The views of one image, each drawn once for all networks of one input side.

    The image is decoded once a side, not once in all: its features must not depend on which
    other networks look at it.
    """

    def __init__(self, data: bytes, content_hash: str, seed: int) -> None:
        self._data = data
        self._content_seed = int(content_hash[:16], 16)
        self._seed = seed
        self._decoded: dict[int, RGBImage] = {}
        self._drawn: dict[tuple[int, int], SquareImage] = {}

    def view(self, view: int, side_px: int) -> SquareImage:
        if (view, side_px) not in self._drawn:
            self._drawn[view, side_px] = self._draw(view, side_px)
        return self._drawn[view, side_px]

    def _draw(self, view: int, side_px: int) -> SquareImage:
        if view == 0:
            return images.squared(self._image(side_px), side_px)
        if view == 1:
            return self.view(0, side_px)[:, ::-1]
        rng = np.random.default_rng([self._seed, view, self._content_seed])
        return augment.augmented(self._image(side_px), side_px, rng)

    def _image(self, side_px: int) -> RGBImage:
        if side_px not in self._decoded:
            least_side_px = round(side_px * images.DECODE_MARGIN)
            self._decoded[side_px] = images.decode(self._data, min_side_px=least_side_px)
        return self._decoded[side_px]
