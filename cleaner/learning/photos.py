"""Batches of photos for fine-tuning, read and augmented while the network trains.

Decoded pictures stay in memory as long as there is room, for the next epoch and the next network.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from cleaner import images, processors
from cleaner.arrays import ImageBatch, Labels, RGBImage, SquareImage
from cleaner.errors import ImageRejected
from cleaner.learning import augment
from cleaner.learning.training_set import Photo, labels_of
from cleaner.settings import Distortions

_BATCHES_AHEAD = 2
# Of the memory there is, and at most so much: the rest is for networks and the system's files.
_ALBUM_SHARE = 1 / 8
_ALBUM_BYTES = 2 * 2**30
_In = TypeVar("_In")
_Out = TypeVar("_Out")


@dataclass(frozen=True, slots=True)
class Batch:
    """Some photos at the network's input size.

    Attributes:
        photos: (item, side, side, 3), uint8.
        members: what they are photos of.
        labels: (item,), class indices.
        readable: (item,), False where a file has become unreadable; its photo is black.
    """

    photos: ImageBatch
    members: Sequence[Photo]
    labels: Labels
    readable: np.ndarray


def augmented_batches(
    photos: Sequence[Photo],
    *,
    side_px: int,
    batch_size: int,
    seed: int,
    epoch: int,
    distortions: Distortions | None = None,
) -> Iterator[Batch]:
    """Yield every photo once, shuffled, in a new augmented view; repeats with its seeds.

    Batches differ by at most one photo in size: a last batch of one would make a wild step.
    """
    order = np.random.default_rng([seed, epoch]).permutation(len(photos))

    def view(image: RGBImage, photo: Photo) -> SquareImage:
        # By content, not by place in the order: threads finish as they like.
        rng = np.random.default_rng([seed, epoch, int(photo.source.content_hash[:16], 16)])
        return augment.view(image, side_px, rng, distortions)

    count = -(-len(photos) // batch_size)
    chosen = [[photos[i] for i in part] for part in np.array_split(order, count)]
    return _batches(chosen, side_px, view)


def plain_batches(photos: Sequence[Photo], *, side_px: int, batch_size: int) -> Iterator[Batch]:
    """Yield every photo once, in order, as the finished model will see it."""
    starts = range(0, len(photos), batch_size)
    chosen = [photos[start : start + batch_size] for start in starts]
    return _batches(chosen, side_px, lambda image, _photo: images.squared(image, side_px))


def _batches(
    chosen: Sequence[Sequence[Photo]],
    side_px: int,
    view: Callable[[RGBImage, Photo], SquareImage],
) -> Iterator[Batch]:
    def read(photo: Photo) -> SquareImage | None:
        try:
            image = _album.picture(photo, round(side_px * images.DECODE_MARGIN))
        except ImageRejected:
            return None
        return view(image, photo)

    for part, found in made_ahead(chosen, read):
        yield _stacked(part, found, side_px)


def made_ahead(
    batches: Sequence[Sequence[_In]], make: Callable[[_In], _Out]
) -> Iterator[tuple[Sequence[_In], list[_Out]]]:
    """Yield each batch with what `make` returns for its members, a few batches ahead, in threads.

    Whoever stops early leaves no thread at work.
    """
    with ThreadPoolExecutor(processors.available()) as pool:
        waiting: deque[tuple[Sequence[_In], list[Future[_Out]]]] = deque()
        try:
            for batch in batches:
                waiting.append((batch, [pool.submit(make, member) for member in batch]))
                if len(waiting) > _BATCHES_AHEAD:
                    first, futures = waiting.popleft()
                    yield first, [future.result() for future in futures]
            while waiting:
                first, futures = waiting.popleft()
                yield first, [future.result() for future in futures]
        finally:
            for _batch, futures in waiting:
                for future in futures:
                    future.cancel()


def _stacked(photos: Sequence[Photo], found: Sequence[SquareImage | None], side_px: int) -> Batch:
    stack = np.zeros((len(photos), side_px, side_px, 3), np.uint8)
    readable = np.zeros(len(photos), bool)
    for index, image in enumerate(found):
        if image is not None:
            stack[index], readable[index] = image, True
    return Batch(stack, photos, labels_of(photos), readable)


class Album:
    """Decoded pictures; whoever comes when it is full is decoded again each time.

    What is full first stays: pictures come in a new order in every epoch, and to let the oldest
    go would be to let it go just before its turn.
    """

    def __init__(self, room_bytes: int) -> None:
        self._room_bytes = room_bytes
        self._pictures: dict[tuple[str, int], RGBImage] = {}

    def picture(self, photo: Photo, least_side_px: int) -> RGBImage:
        """Return the picture, its shorter side that long at least, as `images.load` would.

        Raises:
            ImageRejected: it cannot be read.
        """
        # By the factor of its reduction: networks of several input sides share it.
        key = photo.source.content_hash, max(1, photo.shorter_side_px // least_side_px)
        found = self._pictures.get(key)
        if found is None:
            source = photo.source
            found = images.load(source.path, root=source.root, min_side_px=least_side_px)
            # Several threads may take a little more than there is room for.
            if found.nbytes <= self._room_bytes:
                self._room_bytes -= found.nbytes
                self._pictures[key] = found
        return found


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


_album = Album(min(_ALBUM_BYTES, round(_memory_bytes() * _ALBUM_SHARE)))
