"""Pictures of one size, decoded once and kept on disk by content.

A network that is trained sees each image many times. Decoding a photo takes longer than a small
network's look at it, and a hundred thousand decoded photos do not fit into memory: so they lie in
shards that are mapped, and the system keeps in memory what it has room for. A shard is written
under another name, flushed and renamed, so that a kill leaves whole shards only.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cleaner import images, processors
from cleaner.arrays import SquareImage
from cleaner.errors import ImageRejected
from cleaner.learning.bottlenecks import Source
from cleaner.progress import Progress, Report, silent

# A mapped shard holds a file open, and a process may hold about a thousand.
SHARD_ITEMS = 1024
_STAGE = "Reading the images"
_SUFFIX = ".npy"


@dataclass(frozen=True, slots=True)
class Pictures:
    """The images that could be read, as squares; `pictures[place]` reads one.

    Attributes:
        content_hashes: of each readable image, in the order of the sources.
        readable: index into the sources for each of them, rising.
        rejected: (source, reason) of files that could not be read.
        side_px: of every square.
        places: content hash -> (mapped shard, row).
    """

    side_px: int
    content_hashes: tuple[str, ...]
    readable: tuple[int, ...]
    rejected: tuple[tuple[Source, str], ...]
    places: dict[str, tuple[np.ndarray, int]]

    def __len__(self) -> int:
        return len(self.content_hashes)

    def only(self, content_hashes: Sequence[str]) -> Pictures:
        """Return these images alone, in their order.

        Raises:
            KeyError: one of them could not be read.
        """
        index = {self.content_hashes[place]: at for place, at in enumerate(self.readable)}
        readable = tuple(index[content_hash] for content_hash in content_hashes)
        return replace(self, content_hashes=tuple(content_hashes), readable=readable)

    def __getitem__(self, place: int) -> SquareImage:
        """Return (side, side, 3), uint8."""
        shard, row = self.places[self.content_hashes[place]]
        return np.array(shard["pixels"][row])


def gathered(
    sources: Sequence[Source], side_px: int, cache_folder: Path, report: Report = silent
) -> Pictures:
    """Return all that can be read, resized to (side_px, side_px); what is cached is not redone."""
    shelf = _Shelf(cache_folder / "pictures" / f"{side_px}px", side_px)
    missing = {s.content_hash: s for s in sources if s.content_hash not in shelf.places}
    rejected = _fill(shelf, list(missing.values()), report)
    readable = tuple(i for i, s in enumerate(sources) if s.content_hash not in rejected)
    return Pictures(
        side_px=side_px,
        content_hashes=tuple(sources[index].content_hash for index in readable),
        readable=readable,
        rejected=tuple(
            (s, rejected[s.content_hash]) for s in sources if s.content_hash in rejected
        ),
        places=shelf.places,
    )


def _fill(shelf: _Shelf, missing: Sequence[Source], report: Report) -> dict[str, str]:
    """Read and keep what is missing; return reasons by content hash for unreadable files."""
    rejected: dict[str, str] = {}
    with ThreadPoolExecutor(processors.available()) as pool:
        for start in range(0, len(missing), SHARD_ITEMS):
            shard = missing[start : start + SHARD_ITEMS]
            tasks = [pool.submit(_read, source, shelf.side_px) for source in shard]
            found: list[tuple[str, SquareImage]] = []
            try:
                for done, (source, task) in enumerate(zip(shard, tasks, strict=True), start + 1):
                    picture = task.result()
                    if isinstance(picture, ImageRejected):
                        rejected[source.content_hash] = str(picture)
                    else:
                        found.append((source.content_hash, picture))
                    report(Progress(_STAGE, done, len(missing)))
            finally:
                # A cancelled shard keeps what was already read.
                for task in tasks:
                    task.cancel()
                shelf.add(found)
    return rejected


def _read(source: Source, side_px: int) -> SquareImage | ImageRejected:
    try:
        data = images.read_bytes(source.path, root=source.root)
        if hashlib.sha256(data).hexdigest() != source.content_hash:
            raise ImageRejected("changed", "the file was changed since the scan; scan again")
        return images.squared(images.decode(data, min_side_px=side_px), side_px)
    except ImageRejected as error:
        return error


class _Shelf:
    """A folder of shards, each an array of (content hash, pixels)."""

    def __init__(self, folder: Path, side_px: int) -> None:
        self.side_px = side_px
        self.places: dict[str, tuple[np.ndarray, int]] = {}
        self._folder = folder
        self._row = np.dtype([("content_hash", "S64"), ("pixels", np.uint8, (side_px, side_px, 3))])
        for path in sorted(folder.glob(f"*{_SUFFIX}")):
            self._learn(path)

    def add(self, entries: Sequence[tuple[str, SquareImage]]) -> None:
        """Keep pictures, durably."""
        if not entries:
            return
        rows = np.empty(len(entries), self._row)
        for index, (content_hash, picture) in enumerate(entries):
            rows[index] = (content_hash, picture)
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{uuid.uuid4().hex}{_SUFFIX}"
        beside = path.with_suffix(".part")
        with beside.open("wb") as file:
            np.save(file, rows, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        self._learn(path)

    def _learn(self, path: Path) -> None:
        try:
            shard = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            path.unlink()  # damaged: its pictures are read again
            return
        for row, content_hash in enumerate(shard["content_hash"].tolist()):
            self.places[content_hash.decode()] = (shard, row)
