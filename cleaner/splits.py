"""Which part of the data an image belongs to, for good.

The part follows from the content, never from the path: an image that is moved, renamed or copied
stays where it was, and duplicates stay together. A split by path would send a test image into
training as soon as its label is corrected, since the path holds the class folder.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cleaner.arrays import Groups
from cleaner.errors import SettingsError, ShapeError
from cleaner.items import SPLITS, Split

_SALT = b"cleaner split 1:"
_HELD_OUT: tuple[Split, ...] = ("validation", "test")
_LEAST_QUOTA = 0.4
_LEAST_TRAINED = 2
_NONE_ASSIGNED: Mapping[str, Split] = {}

_Counts = dict[Split, float]


def assign(
    content_hashes: Sequence[str],
    groups: Groups,
    labels: Sequence[str],
    *,
    validation: float = 0.1,
    test: float = 0.1,
    existing: Mapping[str, Split] = _NONE_ASSIGNED,
) -> list[Split]:
    """Return the split of each item; those assigned before keep theirs.

    Items of one group, and items of one content, get one split. New groups fill up each class
    towards the wanted shares, so shares are kept while a dataset grows. A class of up to three
    new images is trained on alone, except that the third may be held out where the dataset as a
    whole has too little held out.

    Should a new image turn out to be near to two groups that lie in different splits already,
    both keep theirs, and it joins the larger (of equals, the training one).

    Args:
        content_hashes: SHA-256 of each item, in hex; decides the order in a class.
        groups: (item,), equal numbers for duplicates.
        labels: of each item, as first given.
        validation: share of each class, 0..1.
        test: share of each class, 0..1.
        existing: the splits of earlier items by content hash.

    Raises:
        SettingsError: the shares leave nothing to train on.
        ShapeError: the three sequences are not of one length.
    """
    check_shares(validation, test)
    if not len(content_hashes) == len(groups) == len(labels):
        raise ShapeError(
            f"{len(content_hashes)} hashes, {len(groups)} groups and {len(labels)} labels."
        )
    shares: _Counts = {"train": 1 - validation - test, "validation": validation, "test": test}
    families = _families(content_hashes, groups, labels)
    placement = _Placement.of(families, shares)
    new: list[_Family] = []
    for family in families:
        split = family.split(existing)
        if split is None:
            new.append(family)
        else:
            placement.place(family, split)
    for family in sorted(new, key=placement.order):
        placement.place(family, placement.choose(family.label()))
    return [
        existing.get(content, placement.splits[item]) for item, content in enumerate(content_hashes)
    ]


def check_shares(validation: float, test: float) -> None:
    """Raise SettingsError where the shares leave nothing to train on."""
    if not (0 <= validation <= 1 and 0 <= test <= 1 and validation + test < 1):
        raise SettingsError(
            f"validation is {validation} and test {test}; give shares from 0 that leave some to "
            "train on."
        )


@dataclass(slots=True)
class _Family:
    """Items that must not be divided."""

    items: list[int] = field(default_factory=list)
    contents: set[str] = field(default_factory=set)
    labels: Counter[str] = field(default_factory=Counter)

    def label(self) -> str:
        return min(self.labels, key=lambda label: (-self.labels[label], label))

    def rank(self) -> tuple[int, bytes]:
        """Large families first, while there is room for them; then by chance, but repeatably."""
        salted = hashlib.sha256(_SALT + min(self.contents).encode()).digest()
        return -len(self.items), salted

    def split(self, existing: Mapping[str, Split]) -> Split | None:
        known = Counter(existing[content] for content in self.contents if content in existing)
        if not known:
            return None
        return max(SPLITS, key=lambda split: (known[split], -SPLITS.index(split)))


def _families(
    content_hashes: Sequence[str], groups: Groups, labels: Sequence[str]
) -> list[_Family]:
    """Return the items by group, where groups that hold the same content are one."""
    joined = list(range(len(content_hashes)))

    def root(item: int) -> int:
        while joined[item] != item:
            joined[item] = joined[joined[item]]
            item = joined[item]
        return item

    first: dict[str | int, int] = {}
    for item, (content, group) in enumerate(zip(content_hashes, groups.tolist(), strict=True)):
        for key in (content, group):
            joined[root(item)] = root(first.setdefault(key, item))
    families: defaultdict[int, _Family] = defaultdict(_Family)
    for item, (content, label) in enumerate(zip(content_hashes, labels, strict=True)):
        family = families[root(item)]
        family.items.append(item)
        family.contents.add(content)
        family.labels[label] += 1
    return list(families.values())


@dataclass(slots=True)
class _Placement:
    """Fills splits up to their shares, class by class.

    Attributes:
        shares: what part each split should get.
        sizes: items in each class.
        room: items each split still lacks, by class; below 0 where it has too many.
        room_overall: the same for the whole dataset.
        splits: of the items placed so far.
    """

    shares: _Counts
    sizes: Counter[str]
    room: dict[str, _Counts]
    room_overall: _Counts
    splits: dict[int, Split] = field(default_factory=dict)

    @classmethod
    def of(cls, families: Sequence[_Family], shares: _Counts) -> _Placement:
        sizes: Counter[str] = Counter()
        for family in families:
            sizes[family.label()] += len(family.items)
        room = {label: _times(shares, size) for label, size in sizes.items()}
        return cls(shares, sizes, room, _times(shares, sizes.total()))

    def place(self, family: _Family, split: Split) -> None:
        self.splits.update(dict.fromkeys(family.items, split))
        self.room[family.label()][split] -= len(family.items)
        self.room_overall[split] -= len(family.items)

    def order(self, family: _Family) -> tuple[int, str, int, bytes]:
        # Large classes fill their quotas; small ones, which have none, then even out the whole.
        label = family.label()
        return -self.sizes[label], label, *family.rank()

    def choose(self, label: str) -> Split:
        room = self.room[label]
        held_out = max(_HELD_OUT, key=lambda split: (round(self.room_overall[split], 6), split))
        if self._has_no_quota(label) and self._trained(label) >= _LEAST_TRAINED:
            if self.room_overall[held_out] >= 1:
                return held_out
            return "train"
        return max(
            SPLITS, key=lambda split: (round(room[split], 6), round(self.room_overall[split], 6))
        )

    def _has_no_quota(self, label: str) -> bool:
        return all(self.sizes[label] * self.shares[split] < _LEAST_QUOTA for split in _HELD_OUT)

    def _trained(self, label: str) -> float:
        return round(self.sizes[label] * self.shares["train"] - self.room[label]["train"], 6)


def _times(shares: _Counts, size: int) -> _Counts:
    return {split: share * size for split, share in shares.items()}
