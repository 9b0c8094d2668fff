"""Rows of numbers on disk, each under the content hash of the image it describes; pieces likewise.

Both are added in shards and never changed. A shard is a plain ``.npz``: a zip archive, so
every array carries a CRC that is checked on reading. It is written under another name,
flushed, and renamed, so that a kill leaves whole shards only.
"""

from __future__ import annotations

import logging
import os
import sys
import uuid
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cleaner.arrays import Features
from cleaner.errors import CacheDamaged
from cleaner.items import shown_path

log = logging.getLogger(__name__)

_SUFFIX = ".npz"
# RuntimeError: as if it were encrypted, or compressed in a way nobody knows.
_DAMAGED = (ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)


class RowCache:
    """A folder of shards. float16 on disk halves the space; no ranking was seen to suffer."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._where: dict[str, tuple[Path, int]] = {}
        self._known: set[Path] = set()
        self.refresh()

    def refresh(self) -> None:
        """Learn of the shards that others have added since."""
        if self._folder.is_dir():
            for path in sorted(set(self._folder.glob(f"*{_SUFFIX}")) - self._known):
                self._learn(path)

    def __contains__(self, content_hash: str) -> bool:
        return content_hash in self._where

    def add(self, content_hashes: Sequence[str], rows: Features) -> None:
        """Keep rows, one a content hash, durably."""
        if content_hashes:
            self._note(append(self._folder, content_hashes, rows), content_hashes)

    def rows(self, content_hashes: Sequence[str]) -> Features:
        """Return the rows of these hashes, in their order, as float32.

        Raises:
            KeyError: one of them is not cached.
            CacheDamaged: some cannot be read; they are not cached any more.
        """
        wanted: dict[Path, list[tuple[int, int]]] = {}
        for place, content_hash in enumerate(content_hashes):
            path, row = self._where[content_hash]
            wanted.setdefault(path, []).append((place, row))
        result: Features | None = None
        damaged: list[Path] = []
        for path, pairs in wanted.items():
            stored = _rows_in(path)
            if stored is None:
                damaged.append(path)
                continue
            if result is None:
                result = np.empty((len(content_hashes), stored.shape[1]), np.float32)
            places, sources = zip(*pairs, strict=True)
            result[list(places)] = stored[list(sources)]
        if damaged:
            raise self._forgotten(damaged)
        return np.empty((0, 0), np.float32) if result is None else result

    def rows_or(self, content_hashes: Sequence[str], compute: Callable[[], object]) -> Features:
        """Return these rows; where some are damaged, once `compute` has put them back."""
        try:
            return self.rows(content_hashes)
        except CacheDamaged:
            compute()
            return self.rows(content_hashes)

    def _forgotten(self, damaged: Sequence[Path]) -> CacheDamaged:
        lost = set(damaged)
        # Copied in one step: another thread may be learning of shards.
        for content_hash, (path, _row) in list(self._where.items()):
            if path in lost:
                del self._where[content_hash]
        return CacheDamaged(
            f"{shown_path(str(self._folder))}: {len(damaged)} of its files were damaged, and are "
            "gone now. Begin again: what they held is computed anew."
        )

    def _learn(self, path: Path) -> None:
        hashes = _hashes_in(path)
        if hashes is not None:
            self._note(path, hashes)

    def _note(self, path: Path, content_hashes: Sequence[str]) -> None:
        self._known.add(path)
        # Interned: a hash stands in the cache of every view of every network.
        for row, content_hash in enumerate(content_hashes):
            self._where[sys.intern(content_hash)] = (path, row)


class PieceCache:
    """A folder of shards of bytes, each piece under a key of at most 64 letters.

    Opening it checks shards to their ends, so that what is damaged is missing from the start.
    """

    def __init__(self, folder: Path) -> None:
        self._where: dict[str, Path] = {}
        self._open: tuple[Path | None, dict[str, bytes]] = (None, {})
        for path in sorted(folder.glob(f"*{_SUFFIX}")):
            self._where.update(dict.fromkeys(_hashes_in(path, to_its_end=True) or (), path))

    def __contains__(self, key: str) -> bool:
        return key in self._where

    def __getitem__(self, key: str) -> bytes:
        """Return a piece; quick for those that were added together."""
        path = self._where[key]
        if path != self._open[0]:
            self._open = (path, _pieces_in(path))
        return self._open[1][key]


def append(folder: Path, content_hashes: Sequence[str], rows: Features) -> Path:
    """Add a shard of rows, one a content hash, durably, and return where it is."""
    return _write(folder, content_hashes, rows=rows.astype(np.float16))


def append_pieces(folder: Path, pieces: Mapping[str, bytes]) -> None:
    """Add a shard of pieces, durably."""
    if pieces:
        joined = np.frombuffer(b"".join(pieces.values()), np.uint8)
        lengths = np.array([len(piece) for piece in pieces.values()], np.int64)
        _write(folder, list(pieces), pieces=joined, lengths=lengths)


def _hashes_in(path: Path, *, to_its_end: bool = False) -> list[str] | None:
    """Return what a shard's rows or pieces are kept under; None if it cannot be read."""
    try:
        # Opened here, not by numpy, which leaks the file when it is no archive.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as shard:
            if to_its_end and shard.zip.testzip() is not None:
                raise zipfile.BadZipFile
            return [entry.decode() for entry in shard["content_hashes"]]
    except OSError:
        return None  # out of reach today; hours of work may lie in it
    except _DAMAGED as error:
        _discard(path, error)
        return None


def _rows_in(path: Path) -> np.ndarray | None:
    """Return all rows of a shard; None if they are damaged, or gone."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as shard:
            rows: np.ndarray = shard["rows"]
    except (*_DAMAGED, FileNotFoundError) as error:
        _discard(path, error)
        return None
    return rows


def _discard(path: Path, error: Exception) -> None:
    log.warning(
        "%s is damaged (%s); what it held is computed anew.",
        shown_path(str(path)),
        str(error) or type(error).__name__,
    )
    path.unlink(missing_ok=True)


def _pieces_in(path: Path) -> dict[str, bytes]:
    with np.load(path, allow_pickle=False) as shard:
        keys = [entry.decode() for entry in shard["content_hashes"]]
        joined, ends = shard["pieces"].tobytes(), np.cumsum(shard["lengths"]).tolist()
    starts = [0, *ends[:-1]]
    return {key: joined[start:end] for key, start, end in zip(keys, starts, ends, strict=True)}


def _write(folder: Path, content_hashes: Sequence[str], **arrays: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{uuid.uuid4().hex}{_SUFFIX}"
    beside = path.with_suffix(".part")
    with beside.open("wb") as file:
        np.savez(file, content_hashes=np.asarray(content_hashes, dtype="S64"), **arrays)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    _flush_folder(folder)
    return path


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
