"""What a round has seen, in the form that audits take: few numbers an image, small pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from PIL import Image

from cleaner import images
from cleaner.arrays import Features, HatRows
from cleaner.audits import Seen
from cleaner.audits.base import MINIATURE_PX, Miniatures
from cleaner.cache import RowCache
from cleaner.engines import Engine, LocalEngine, Tick, chunked
from cleaner.errors import ImageRejected
from cleaner.items import Item
from cleaner.learning.bottlenecks import Source
from cleaner.learning.geometry import Shelf, fingerprint
from cleaner.learning.inputs import DIRECTIONS, main_directions, parts
from cleaner.learning.stored import SomeFeatures

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

    An engine reads those, or else this machine.

    What labels have no part in is kept for the next round of the same images.
    """
    groups = np.array([item.group_id for item in items], np.int64)
    kept = Shelf(cache_folder / "geometry", fingerprint(view_features, groups))
    (features,) = kept("condensed", lambda: (condensed(view_features),))
    miniatures = RowCache(cache_folder / f"miniatures-{MINIATURE_PX}")
    return Seen(items, features, _Miniatures(sources, miniatures, engine), kept)


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


@dataclass(frozen=True, slots=True)
class _Miniatures:
    """Reads images and makes them small and grey, once a content."""

    sources: Sequence[Source]
    shelf: RowCache
    engine: Engine | None

    def __call__(self, places: Sequence[int]) -> Miniatures:
        wanted = {self.sources[place].content_hash: self.sources[place] for place in places}
        missing = [source for key, source in wanted.items() if key not in self.shelf]
        engine = self.engine or LocalEngine()
        chunks = chunked(missing, engine.workers) if missing else []
        made = list(chain.from_iterable(engine.run(_Shrinking(), chunks, lambda _done: None)))
        self.shelf.add([source.content_hash for source in missing], _flat(made))
        hashes = [self.sources[place].content_hash for place in places]
        return self.shelf.rows(hashes).reshape(len(places), MINIATURE_PX, MINIATURE_PX)


class _Shrinking:
    """The work: images are made small and grey."""

    def open(self) -> Callable[[Sequence[Source], Tick], list[np.ndarray]]:
        return _made_each


def _made_each(sources: Sequence[Source], tick: Tick) -> list[np.ndarray]:
    made = []
    for source in sources:
        made.append(_made(source))
        tick()
    return made


def _flat(made: Sequence[np.ndarray]) -> Features:
    return np.array(made, np.float32).reshape(len(made), MINIATURE_PX * MINIATURE_PX)


def _made(source: Source) -> np.ndarray:
    try:
        data = images.load(source.path, root=source.root, min_side_px=2 * MINIATURE_PX)
    except ImageRejected:
        # Gone since the scan; the next one says so, and a flat picture is like no other.
        return np.zeros((MINIATURE_PX, MINIATURE_PX), np.float32)
    grey = Image.fromarray(data).convert("L")
    return np.asarray(grey.resize((MINIATURE_PX, MINIATURE_PX), Image.Resampling.BOX), np.float32)
