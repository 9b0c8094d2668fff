"""Copies of the same bytes, and pictures that differ only by scaling or compression.

Two pictures are near duplicates if at most 20 of the 256 bits of their difference hashes differ
and no colour of 6 x 6 cells differs by more than 12 of 255. Either test alone is too weak: on
photos of single garments 20 bits alone join different ones, and on small drawings and digits
thousands. Together they joined no two different pictures of 14,000 photos and 1,800 digits, and
found 98 of 100 copies of photos that were scaled to a half or double or saved again as JPEG or
WebP, and 95 that lost a hundredth at each edge. Copies made brighter or mirrored are not found.
Where hardly any bit is set, as in flat pictures, only the colours speak, and may differ by 2.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64, UInt8, UInt64
from numpy import ndarray

from cleaner.arrays import Groups
from cleaner.images import RISE_BYTES, TONES_SIDE
from cleaner.items import Finding, ScannedFile, shown_path

MOST_BITS = 20
MOST_TONE = 12
FEW_RISES = 32
FLAT_MOST_TONE = 2

_HASH_BYTES = RISE_BYTES + TONES_SIDE * TONES_SIDE * 3
_TILE_ROWS = 64
_TILE_COLUMNS = 8_192

_Pairs = Int64[ndarray, "pair 2"]
_Rises = UInt64[ndarray, "picture 4"]
_Tones = UInt8[ndarray, "picture tone"]
_Places = Int64[ndarray, "place"]
_Distances = Int64[ndarray, "pair"]


def find_duplicates(files: Sequence[ScannedFile]) -> list[Finding]:
    """Return a finding for each set of copies and each set of near duplicates.

    Copies (kind ``exact_duplicate``) come first. A set of near duplicates (``near_duplicate``)
    names each different content once. It is a warning if the files lie in different classes,
    since then a label is wrong; else it is information.
    """
    copies = _copies(files)
    findings = [
        _finding("exact_duplicate", [files[i] for i in same], "hold the same bytes")
        for same in copies
        if len(same) > 1
    ]
    near: defaultdict[int, list[ScannedFile]] = defaultdict(list)
    groups = duplicate_groups(files)
    for same in copies:
        near[int(groups[same[0]])].append(files[same[0]])
    findings.extend(
        _finding("near_duplicate", alike, "show nearly the same picture")
        for alike in near.values()
        if len(alike) > 1
    )
    return findings


def duplicate_groups(files: Sequence[ScannedFile]) -> Groups:
    """Return a number for each file, the same for duplicates and near duplicates.

    The number is the smallest index in the group. What is a duplicate of a duplicate belongs to
    the group too.
    """
    copies = _copies(files)
    kept = np.array([same[0] for same in copies], dtype=np.int64)
    group = np.empty(len(files), dtype=np.int64)
    for same, nearest in zip(copies, _near_groups([files[i] for i in kept]), strict=True):
        group[same] = kept[nearest]
    return group


def _copies(files: Sequence[ScannedFile]) -> list[list[int]]:
    """Return the files' indices by content, both in the order of the files."""
    by_content: defaultdict[str, list[int]] = defaultdict(list)
    for index, file in enumerate(files):
        by_content[file.content_hash].append(index)
    return list(by_content.values())


def _near_groups(files: Sequence[ScannedFile]) -> Groups:
    group = np.arange(len(files), dtype=np.int64)
    hashed = [i for i, file in enumerate(files) if len(file.perceptual_hash) == 2 * _HASH_BYTES]
    packed = np.frombuffer(
        bytes.fromhex("".join(files[i].perceptual_hash for i in hashed)), dtype=np.uint8
    ).reshape(len(hashed), _HASH_BYTES)
    # If no tone differs by more than 12, nor does their mean: in the order of means, near
    # pictures are not far apart, and most pairs need not be looked at.
    means = packed[:, RISE_BYTES:].mean(axis=1)
    order = np.argsort(means, kind="stable")
    pictures = _Pictures(
        rises=np.ascontiguousarray(packed[order, :RISE_BYTES]).view(np.uint64),
        tones=packed[order, RISE_BYTES:],
        reach=np.searchsorted(means[order], means[order] + MOST_TONE, side="right"),
        joined=np.arange(len(hashed), dtype=np.int64),
    )
    pictures.join_near()
    numbers = np.array(hashed, dtype=np.int64)[order]
    roots = np.array([pictures.root(i) for i in range(len(numbers))], dtype=np.int64)
    smallest = np.full(len(numbers), len(files), dtype=np.int64)
    np.minimum.at(smallest, roots, numbers)
    group[numbers] = smallest[roots]
    return group


@dataclass(frozen=True, slots=True)
class _Pictures:
    """The parts of perceptual hashes, in the order of mean tone.

    Attributes:
        rises: (picture, 4), the difference hashes.
        tones: (picture, tone).
        reach: (picture,), before which all lie that may be near and come later.
        joined: (picture,), an earlier or the same picture of the same group.
    """

    rises: _Rises
    tones: _Tones
    reach: _Places
    joined: _Places

    def join_near(self) -> None:
        """Join what is near, a tile of pairs at a time, so that memory stays flat."""
        for top in range(0, len(self.rises), _TILE_ROWS):
            bottom = min(top + _TILE_ROWS, len(self.rises))
            end = int(self.reach[bottom - 1])
            for left in range(top, end, _TILE_COLUMNS):
                right = min(left + _TILE_COLUMNS, end)
                for first, second in self._near(slice(top, bottom), slice(left, right)):
                    self._join(int(first), int(second))

    def root(self, picture: int) -> int:
        while self.joined[picture] != picture:
            self.joined[picture] = self.joined[self.joined[picture]]
            picture = int(self.joined[picture])
        return picture

    def _join(self, first: int, second: int) -> None:
        low, high = sorted((self.root(first), self.root(second)))
        self.joined[high] = low

    def _near(self, rows: slice, columns: slice) -> _Pairs:
        # A quarter of the bits rules out nearly every pair of photos.
        quarter = np.bitwise_count(self.rises[rows, None, 0] ^ self.rises[columns, 0])
        pairs = np.argwhere(quarter <= MOST_BITS) + np.array([rows.start, columns.start])
        pairs = pairs[pairs[:, 0] < pairs[:, 1]]
        # Among many alike pictures nearly every pair is joined already.
        pairs = pairs[self.joined[pairs[:, 0]] != self.joined[pairs[:, 1]]]
        pairs = pairs[_bits_apart(self.rises, pairs) <= MOST_BITS]
        pairs = pairs[_tones_apart(self.tones[:, ::9], pairs) <= MOST_TONE]
        most_tone = np.where(_bits_set(self.rises, pairs) < FEW_RISES, FLAT_MOST_TONE, MOST_TONE)
        return np.asarray(pairs[_tones_apart(self.tones, pairs) <= most_tone])


def _bits_set(rises: _Rises, pairs: _Pairs) -> _Distances:
    either = np.bitwise_count(rises[pairs[:, 0]] | rises[pairs[:, 1]])
    return np.asarray(either.sum(axis=1, dtype=np.int64))


def _bits_apart(rises: _Rises, pairs: _Pairs) -> _Distances:
    different = np.bitwise_count(rises[pairs[:, 0]] ^ rises[pairs[:, 1]])
    return np.asarray(different.sum(axis=1, dtype=np.int64))


def _tones_apart(tones: _Tones, pairs: _Pairs) -> _Distances:
    first, second = tones[pairs[:, 0]], tones[pairs[:, 1]]
    different = np.maximum(first, second) - np.minimum(first, second)
    return np.asarray(different.max(axis=1).astype(np.int64))


def _finding(kind: str, files: Sequence[ScannedFile], what: str) -> Finding:
    paths = tuple(file.path for file in files)
    class_names = sorted({file.class_name for file in files})
    start = f"{len(files)} files {what}"
    if len(class_names) == 1:
        return Finding(kind, paths, "info", f"{start}; they count as one when data is split.")
    named = ", ".join(shown_path(name) for name in class_names)
    return Finding(kind, paths, "warning", f"{start} in different classes: {named}.")
