"""Batches of photos for fine-tuning, read and augmented while the network trains."""

from __future__ import annotations

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
_In = TypeVar("_In")
_Out = TypeVar("_Out")


@dataclass(frozen=True, slots=True)
class Batch:
    """Some photos at the network's input size.

    Attributes:
        photos: (item, side, side, 3), uint8.
        labels: (item,), class indices.
        readable: (item,), False where a file has become unreadable; its photo is black.
    """

    photos: ImageBatch
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
        source = photo.source
        least_side_px = round(side_px * images.DECODE_MARGIN)
        try:
            image = images.load(source.path, root=source.root, min_side_px=least_side_px)
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
    return Batch(stack, labels_of(photos), readable)
