"""Bottleneck features of every image and its views, computed once and kept by content.

Labels change in every round; pixels do not. Each image is read once for all networks that have
not seen it, its views are drawn with a generator seeded by the image's own content, and what is
cached is never redone. An engine works through chunks of images; of each one shard a view is left.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from cleaner import cache, images
from cleaner.arrays import RGBImage, SquareImage, ViewFeatures
from cleaner.backbones.base import Backbone, Extractor
from cleaner.cache import RowCache
from cleaner.engines import Engine, LocalEngine, Tick, check_seen, chunked
from cleaner.errors import BackboneError, CacheDamaged, ImageRejected
from cleaner.learning import augment
from cleaner.learning.stored import StoredFeatures, in_memory
from cleaner.progress import Progress, Report, silent
from cleaner.settings import Distortions


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
            mirror image, the others are heavily augmented. With distortions all but view 0 are
            drawn by them.
        readable: index into the sources for each item of `features`, rising.
        rejected: (source, reason) of files that could not be read.
    """

    features: ViewFeatures
    readable: tuple[int, ...]
    rejected: tuple[tuple[Source, str], ...]


@dataclass(frozen=True, slots=True)
class Looked:
    """As `Bottlenecks`, with the features of all backbones, which stay on disk.

    Attributes:
        features: one a backbone, in their order.
        readable: as in `Bottlenecks`.
        rejected: likewise.
    """

    features: tuple[StoredFeatures, ...]
    readable: tuple[int, ...]
    rejected: tuple[tuple[Source, str], ...]


def view_features(  # noqa: PLR0913 - what is looked at, how, and where it is kept
    sources: Sequence[Source],
    backbone: Backbone,
    *,
    views: int,
    seed: int,
    cache_folder: Path,
    report: Report = silent,
    distortions: Distortions | None = None,
) -> Bottlenecks:
    """Return the features of `views` views of every image, from the cache where it has them."""
    (found,) = committee_features(
        sources,
        [backbone],
        views=views,
        seed=seed,
        cache_folder=cache_folder,
        report=report,
        distortions=distortions,
    )
    return found


def committee_features(  # noqa: PLR0913 - what is looked at, how, and by whom
    sources: Sequence[Source],
    backbones: Sequence[Backbone],
    *,
    views: int,
    seed: int,
    cache_folder: Path,
    report: Report = silent,
    engine: Engine | None = None,
    distortions: Distortions | None = None,
) -> tuple[Bottlenecks, ...]:
    """Return each backbone's features, read into memory; see `looked_at`."""
    found = looked_at(
        sources,
        backbones,
        views=views,
        seed=seed,
        cache_folder=cache_folder,
        report=report,
        engine=engine,
        distortions=distortions,
    )
    held = in_memory(found.features)
    return tuple(Bottlenecks(features, found.readable, found.rejected) for features in held)


def looked_at(  # noqa: PLR0913 - as above
    sources: Sequence[Source],
    backbones: Sequence[Backbone],
    *,
    views: int,
    seed: int,
    cache_folder: Path,
    report: Report = silent,
    engine: Engine | None = None,
    distortions: Distortions | None = None,
) -> Looked:
    """Have each backbone look at what it has not seen, in one pass over the images.

    An image that could not be read for one backbone is left out for all. A kill loses at most the
    chunks that were being worked on. Without an engine this machine does the work. It also puts
    back what turns out to be damaged once it is read.
    """
    drawing = _Drawing(seed, distortions)
    columns = [
        [_Column(backbone, side_px, view, shelf / drawing.key(view)) for view in range(views)]
        for backbone, side_px, shelf in (
            (each, each.info.input_side_px, cache_folder / "features" / each.content_id)
            for each in backbones
        )
    ]
    caches = {column.folder: RowCache(column.folder) for own in columns for column in own}
    seen = tuple(root for root in {source.root for source in sources} if root.is_dir())
    look = _Look(tuple(column for own in columns for column in own), drawing, seen)
    rejected = _fill(sources, look, caches, engine or LocalEngine(), report)
    readable = tuple(i for i, s in enumerate(sources) if s.content_hash not in rejected)
    hashes = [sources[index].content_hash for index in readable]
    refused = tuple((s, rejected[s.content_hash]) for s in sources if s.content_hash in rejected)

    read = [sources[index] for index in readable]
    mend = _Mending(partial(_fill, read, look, caches, LocalEngine(), report))
    features = tuple(
        StoredFeatures.of(
            [(each.folder, caches[each.folder]) for each in own], hashes, report, mend
        )
        for own in columns
    )
    return Looked(features, readable, refused)


@dataclass(frozen=True, slots=True)
class _Column:
    """One view as one backbone sees it, and where its rows are kept."""

    backbone: Backbone
    side_px: int
    view: int
    folder: Path


@dataclass(frozen=True, slots=True)
class _Drawing:
    """How the views of an image are made."""

    seed: int
    distortions: Distortions | None = None

    def is_mirrored(self, view: int) -> bool:
        """Tell whether a view is the whole picture, mirrored.

        Beside two heavy views it improves the ranking more than a third heavy one does.
        """
        return view == 1 and self.distortions is None

    def key(self, view: int) -> str:
        """Name a view; features of equal names and images are interchangeable."""
        if view == 0:
            return "plain"
        if self.is_mirrored(view):
            return "mirrored"
        return f"{augment.key(self.distortions)}-seed{self.seed}-view{view}"


@dataclass(frozen=True, slots=True)
class _Task:
    """An image, and which of the columns lack it."""

    source: Source
    lacking: tuple[int, ...]


def _fill(
    sources: Sequence[Source],
    look: _Look,
    caches: dict[Path, RowCache],
    engine: Engine,
    report: Report,
) -> dict[str, str]:
    """Compute and keep what is missing; return reasons by content hash for unreadable files."""
    by_content = {source.content_hash: source for source in sources}
    own = [caches[column.folder] for column in look.columns]
    tasks = [
        _Task(source, lacking)
        for source in by_content.values()
        if (lacking := tuple(n for n, rows in enumerate(own) if source.content_hash not in rows))
    ]
    names = " and ".join(dict.fromkeys(column.backbone.info.name for column in look.columns))

    def tick(done: int) -> None:
        report(Progress(f"Looking at the images with {names}", done, len(tasks)))

    rejected: dict[str, str] = {}
    chunks = chunked(tasks, engine.workers) if tasks else []
    try:
        for refused in engine.run(look, chunks, tick):
            rejected |= refused
    finally:
        for rows in own:
            rows.refresh()
    return rejected


class _Mending:
    """Has rows computed anew, on this machine, that were damaged; for one thread at a time.

    Raises:
        CacheDamaged: an image cannot be read any more.
    """

    def __init__(self, fill: Callable[[], dict[str, str]]) -> None:
        self._fill = fill
        self._turn = threading.Lock()

    def __call__(self) -> None:
        with self._turn:
            rejected = self._fill()
        if rejected:
            raise CacheDamaged(
                f"What was known of {len(rejected)} images was damaged on the disk, and they "
                f"cannot be read any more ({next(iter(rejected.values()))}). Scan again."
            )


@dataclass(frozen=True, slots=True)
class _Look:
    """The work: images are read, and their rows in the columns that lack them kept."""

    columns: tuple[_Column, ...]
    drawing: _Drawing
    seen: tuple[Path, ...]

    @property
    def uses_gpu(self) -> bool:
        return any(column.backbone.uses_gpu for column in self.columns)

    def open(self) -> _Looking:
        """Raise EngineError where this worker does not see the folders that are seen there."""
        check_seen(self.seen)
        return _Looking(self.columns, self.drawing)


class _Looking:
    """A worker with its networks open; not for two threads.

    Raises:
        BackboneError: where this worker runs, a network has other weights.
    """

    def __init__(self, columns: Sequence[_Column], drawing: _Drawing) -> None:
        self._columns = columns
        self._drawing = drawing
        self._extractors: dict[Path, Extractor] = {}
        for column in columns:
            network = column.folder.parent
            if column.backbone.content_id != network.name:
                raise BackboneError(
                    f"{column.backbone.info.name}: a worker has other weights than this machine "
                    f"({column.backbone.content_id}, not {network.name}). Put the same in place."
                )
            if network not in self._extractors:
                self._extractors[network] = column.backbone.extractor()

    def __call__(self, tasks: Sequence[_Task], tick: Tick) -> dict[str, str]:
        """Keep what is computed, and return the reasons for what cannot be read."""
        rejected: dict[str, str] = {}
        found: dict[_Column, list[tuple[str, np.ndarray]]] = {}
        try:
            for task in tasks:
                content_hash = task.source.content_hash
                try:
                    for column, row in self._rows(task):
                        found.setdefault(column, []).append((content_hash, row))
                except ImageRejected as error:
                    rejected[content_hash] = str(error)
                tick()
        finally:
            # A cancelled run keeps what was already computed.
            for column, pairs in found.items():
                hashes, rows = zip(*pairs, strict=True)
                cache.append(column.folder, hashes, np.stack(rows))
        return rejected

    def _rows(self, task: _Task) -> list[tuple[_Column, np.ndarray]]:
        """Return one feature vector a column."""
        by_network: dict[Path, list[_Column]] = {}
        for column in (self._columns[number] for number in task.lacking):
            by_network.setdefault(column.folder.parent, []).append(column)
        pictures = _Pictures(_unchanged(task.source), task.source.content_hash, self._drawing)
        return [pair for own in by_network.items() for pair in self._seen(*own, pictures)]

    def _seen(
        self, network: Path, columns: Sequence[_Column], pictures: _Pictures
    ) -> list[tuple[_Column, np.ndarray]]:
        views = np.stack([pictures.view(column.view, column.side_px) for column in columns])
        return list(zip(columns, self._extractors[network](views), strict=True))


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

    def __init__(self, data: bytes, content_hash: str, drawing: _Drawing) -> None:
        self._data = data
        self._content_seed = int(content_hash[:16], 16)
        self._drawing = drawing
        self._decoded: dict[int, RGBImage] = {}
        self._drawn: dict[tuple[int, int], SquareImage] = {}

    def view(self, view: int, side_px: int) -> SquareImage:
        if (view, side_px) not in self._drawn:
            self._drawn[view, side_px] = self._draw(view, side_px)
        return self._drawn[view, side_px]

    def _draw(self, view: int, side_px: int) -> SquareImage:
        if view == 0:
            return images.squared(self._image(side_px), side_px)
        if self._drawing.is_mirrored(view):
            return self.view(0, side_px)[:, ::-1]
        rng = np.random.default_rng([self._drawing.seed, view, self._content_seed])
        return augment.view(self._image(side_px), side_px, rng, self._drawing.distortions)

    def _image(self, side_px: int) -> RGBImage:
        if side_px not in self._decoded:
            least_side_px = round(side_px * images.DECODE_MARGIN)
            self._decoded[side_px] = images.decode(self._data, min_side_px=least_side_px)
        return self._decoded[side_px]
