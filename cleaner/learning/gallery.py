"""What a round has seen, in the form that audits take: few numbers an image, small pictures."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
from PIL import Image

from cleaner import images
from cleaner.arrays import Features, HatRows
from cleaner.audits import Seen
from cleaner.audits.base import MINIATURE_PX, Miniatures
from cleaner.cache import RowCache
from cleaner.engines import Engine, LocalEngine, Tick, check_seen, chunked
from cleaner.errors import CacheDamaged, EngineError, ImageRejected
from cleaner.items import Item
from cleaner.learning.bottlenecks import Source
from cleaner.learning.geometry import Shelf, fingerprint
from cleaner.learning.inputs import DIRECTIONS, main_directions, parts
from cleaner.learning.stored import SomeFeatures

log = logging.getLogger(__name__)

# Whole and mirrored: with their mean a mirror image has the features of its original.
_STILL_VIEWS = 2
_SAMPLE = 20_000
_TINY = 1e-12


def seen_of(
    items: Sequence[Item],
    sources: Sequence[Source],
    view_features: Sequence[SomeFeatures],
    cache_folder: Path,
    engine: Engine | None = None,
) -> Seen:
    """Return what the audits of a round look at; miniatures are read when they are asked for.

    An engine reads those, or else this machine, which also stands in for an engine that is lost.

    What labels have no part in is kept for the next round of the same images.
    """
    groups = np.array([item.group_id for item in items], np.int64)
    kept = Shelf(cache_folder / "geometry", fingerprint(view_features, groups))
    (features,) = kept("condensed", lambda: (condensed(view_features),))
    shelf = RowCache(cache_folder / f"miniatures-{MINIATURE_PX}")
    miniatures = _Miniatures(sources, shelf, engine or LocalEngine())
    # What was computed while an image could not be read does not hold for the next round.
    return Seen(items, features, miniatures, partial(kept, lasts=miniatures.are_whole))


def condensed(view_features: Sequence[SomeFeatures]) -> HatRows:
    """Return (item, direction): all backbones along their main directions, of unit length.

    A part of the images at a time, so that memory grows by the result alone. Directions are those
    of at most 20,000 images.
    """
    means = [_mean_of(features) for features in view_features]
    items = view_features[0].shape[1]
    step = max(1, items // _SAMPLE)
    width = sum(features.shape[2] for features in view_features)
    product = np.zeros((width, width), np.float32)
    for part in parts(items):
        sample = _rows(view_features, means, part)[::step]
        product += sample.T @ sample
    axes = main_directions(product, min(DIRECTIONS, items))
    found = np.empty((items, axes.shape[1]), np.float32)
    for part in parts(items):
        rows = _rows(view_features, means, part) @ axes
        found[part] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), _TINY)
    return found


def _rooted(features: SomeFeatures, part: slice) -> np.ndarray:
    # The cache keeps float16, in which a sum over many images has no room.
    still = features[:_STILL_VIEWS, part].mean(axis=0, dtype=np.float32)
    rooted: np.ndarray = np.sqrt(np.maximum(still, 0))
    return rooted


def _mean_of(features: SomeFeatures) -> np.ndarray:
    sums = [
        _rooted(features, part).sum(axis=0, dtype=np.float64) for part in parts(features.shape[1])
    ]
    return np.asarray(np.sum(sums, axis=0) / features.shape[1], np.float32)


def _rows(
    view_features: Sequence[SomeFeatures], means: Sequence[np.ndarray], part: slice
) -> np.ndarray:
    columns = []
    for features, mean in zip(view_features, means, strict=True):
        centred = _rooted(features, part) - mean
        columns.append(centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), _TINY))
    return np.hstack(columns).astype(np.float32)


class _Miniatures:
    """Reads images and makes them small and grey, once a content.

    One that cannot be read is zeros, which is like no other, and tried again in the next round.
    """

    def __init__(self, sources: Sequence[Source], shelf: RowCache, engine: Engine) -> None:
        self._sources = sources
        self._shelf = shelf
        self._engine = engine
        self._unread: set[str] = set()

    def __call__(self, places: Sequence[int]) -> Miniatures:
        own = [self._sources[place] for place in places]
        self._fill({source.content_hash: source for source in own})
        found = np.zeros((len(own), MINIATURE_PX * MINIATURE_PX), np.float32)
        read = [row for row, source in enumerate(own) if source.content_hash not in self._unread]
        try:
            if read:
                found[read] = self._shelf.rows([own[row].content_hash for row in read])
        except CacheDamaged:
            return self(places)  # they are missing now
        return found.reshape(len(own), MINIATURE_PX, MINIATURE_PX)

    def are_whole(self) -> bool:
        """Tell whether all images that were asked for so far could be read."""
        return not self._unread

    def _fill(self, wanted: Mapping[str, Source]) -> None:
        """Put on the shelf what it lacks of these contents."""
        missing = [key for key in wanted if key not in self._shelf and key not in self._unread]
        made = dict(zip(missing, self._made([wanted[key] for key in missing]), strict=True))
        read = {key: one for key, one in made.items() if one is not None}
        self._shelf.add(list(read), _flat(list(read.values())))
        self._unread |= made.keys() - read.keys()

    def _made(self, sources: Sequence[Source]) -> list[np.ndarray | None]:
        try:
            return _made_by(self._engine, sources)
        except EngineError as error:
            if isinstance(self._engine, LocalEngine):
                raise
            log.warning("%s The small pictures are made on this machine.", error)
            self._engine = LocalEngine()
            return _made_by(self._engine, sources)


def _made_by(engine: Engine, sources: Sequence[Source]) -> list[np.ndarray | None]:
    work = _Shrinking(tuple(root for root in {each.root for each in sources} if root.is_dir()))
    chunks = chunked(sources, engine.workers) if sources else []
    return list(chain.from_iterable(engine.run(work, chunks, lambda _done: None)))


@dataclass(frozen=True, slots=True)
class _Shrinking:
    """The work: images are made small and grey; None for one that cannot be read."""

    seen: tuple[Path, ...]

    def open(self) -> Callable[[Sequence[Source], Tick], list[np.ndarray | None]]:
        """Raise EngineError where this worker does not see the folders that are seen there."""
        check_seen(self.seen)
        return _made_each


def _made_each(sources: Sequence[Source], tick: Tick) -> list[np.ndarray | None]:
    made = []
    for source in sources:
        made.append(_made(source))
        tick()
    return made


def _flat(made: Sequence[np.ndarray]) -> Features:
    return np.array(made, np.float32).reshape(len(made), MINIATURE_PX * MINIATURE_PX)


def _made(source: Source) -> np.ndarray | None:
    try:
        data = images.load(source.path, root=source.root, min_side_px=2 * MINIATURE_PX)
    except ImageRejected:
        return None  # gone since the scan; the next one says so
    grey = Image.fromarray(data).convert("L")
    return np.asarray(grey.resize((MINIATURE_PX, MINIATURE_PX), Image.Resampling.BOX), np.float32)
