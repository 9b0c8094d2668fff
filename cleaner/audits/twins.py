"""Near duplicates that only a network finds: mirrored, cropped, brighter or with a badge on.

What lies near each other in the networks' eyes may be the same picture or another photo of the
same thing. So the pair is laid on each other in small grey pictures: mirrored or not, one whole
and of the other a part. They are twins if edges fall on edges, which brightness does not change:
on 4,000 photos every planted copy reached 0.71, and no two different photos 0.57. Blurred drawings
have so little detail that different ones reach 0.96: the less detail, the better they must agree.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Bool, Float, Float32, Int64
from numpy import ndarray

from cleaner.audits.base import MINIATURE_PX, Miniatures, Seen
from cleaner.items import Finding, Item, shown_path
from cleaner.nearest import nearest

# Neighbours of each image that are looked at, and how near they must lie to be worth it.
NEIGHBOURS = 5
NEAR = 0.75
# Correlation of the brightness, and of its rises, where two pictures lie best on each other.
LEAST_TONE = 0.85
LEAST_EDGES = 0.6
# Laid on itself one cell further, a picture with detail is so unlike itself; 19 of 20 photos are.
_DETAILED = 0.55
# How fast less than that raises what is wanted, and what saving a picture again changes.
_STEEPNESS = 6.0
_NOISE = 0.016
_BURNT_OUT = 250
# The same in cells of a quarter of the side, from which on it is worth laying them exactly.
_LEAST_COARSE = 0.7
_COARSE = 8
# Parts of the one picture that the other may be: where each begins, and how long it is.
_PARTS = ((0.0, 1.0), *((at * (1 - long), long) for long in (0.95, 0.9, 0.8) for at in (0, 0.5, 1)))
_PAIRS_AT_ONCE = 32
_MOST_NAMED = 3

_Pairs = Int64[ndarray, "pair 2"]
_Scores = Float[ndarray, "pair"]
_Mask = Bool[ndarray, "pair"]
_Cut = Float32[ndarray, "whole part"]
_Small = Float32[ndarray, "pair side side"]


def find_twins(seen: Seen) -> list[Finding]:
    """Return a finding for each set of images that show the same picture.

    Sets that the scan found by itself are not named again. The kind is ``split_leak`` (an error)
    where a set lies in several splits, else ``near_duplicate``: a warning where the labels
    differ, else information.
    """
    known = np.array([item.group_id for item in seen.items], np.int64)

    def compute() -> tuple[_Pairs]:
        pairs = _candidates(seen)
        news = pairs[known[pairs[:, 0]] != known[pairs[:, 1]]]
        return (news[alike(news, seen)],)

    (found,) = seen.kept("twin_pairs", compute)
    return [_finding([seen.items[place] for place in places]) for places in _sets(found, known)]


def _candidates(seen: Seen) -> _Pairs:
    near = nearest(seen.features, NEIGHBOURS)
    rows, columns = np.nonzero(near.similarity >= NEAR)
    pairs = np.stack((rows, near.items[rows, columns]), axis=1)
    pairs.sort(axis=1)
    return np.asarray(np.unique(pairs, axis=0).reshape(-1, 2), np.int64)


def alike(pairs: _Pairs, seen: Seen) -> _Mask:
    """Return which pairs of places show the same picture, as far as their miniatures tell."""
    found = np.zeros(len(pairs), bool)
    # In order of the places, so that the same pictures come up again while they are at hand.
    for start in range(0, len(pairs), 2_048):
        part = pairs[start : start + 2_048]
        places, index = np.unique(part, return_inverse=True)
        pictures = seen.miniatures(places.tolist())
        found[start : start + len(part)] = _same(pictures, index.reshape(part.shape))
    return found


def _same(pictures: Miniatures, pairs: np.ndarray) -> _Mask:
    coarse = pictures.reshape(len(pictures), _COARSE, 4, _COARSE, 4).mean(axis=(2, 4))
    wanted = _wanted_edges(pictures)[pairs].min(axis=1)
    found = np.zeros(len(pairs), bool)
    for mirrored in (False, True):
        step = -1 if mirrored else 1
        looks_alike = _correlation(coarse[pairs[:, 0]], coarse[pairs[:, 1]][..., ::step])
        worth_it = np.flatnonzero((looks_alike >= _LEAST_COARSE) & ~found)
        for start in range(0, len(worth_it), _PAIRS_AT_ONCE):
            some = worth_it[start : start + _PAIRS_AT_ONCE]
            first, second = pictures[pairs[some, 0]], pictures[pairs[some, 1]][..., ::step]
            bar = wanted[some]
            found[some] = _lies_on(first, second, bar) | _lies_on(second, first, bar)
    return found


def _wanted_edges(pictures: _Small) -> _Scores:
    """Return how well edges have to fall on edges of each picture, `LEAST_EDGES`..1.

    A picture without detail agrees with many. How little it has shows as it is laid on itself, a
    cell further: where even that hardly changes it, only what agrees far better is a copy.
    """
    detail = 1 - _edge_correlation(pictures[:, :-1, :-1], pictures[:, 1:, 1:])
    apart = (1 - LEAST_EDGES) * (detail / _DETAILED).clip(0, 1) ** _STEEPNESS
    wanted: _Scores = 1 - np.maximum(apart, _NOISE)
    return wanted


def _lies_on(whole: _Small, part: _Small, wanted: _Scores) -> _Mask:
    """Return where some part of `whole` is the picture `part`."""
    cut, tone = _best_cut(whole, part)
    edges = _edge_correlation(cut, part)
    lies: _Mask = (tone >= LEAST_TONE) & (edges >= LEAST_EDGES)
    unsure = np.flatnonzero(lies & (edges < wanted))
    if unsure.size:
        lies[unsure] = _exact_edges(cut[unsure], part[unsure]) >= wanted[unsure]
    return lies


def _best_cut(whole: _Small, part: _Small) -> tuple[_Small, _Scores]:
    """Return the part of each `whole` whose brightness is most that of `part`, and how much."""
    cuts = np.einsum("rij,pjk,ckl->prcil", _CUTS, whole, _CUTS.transpose(0, 2, 1), optimize=True)
    tone = _correlation(cuts, part[:, None, None]).reshape(len(whole), -1)
    best = tone.argmax(axis=1)
    every = np.arange(len(whole))
    return cuts.reshape(len(whole), -1, MINIATURE_PX, MINIATURE_PX)[every, best], tone[every, best]


def _exact_edges(cut: _Small, part: _Small) -> _Scores:
    """Return the correlation of rises of two pictures that lie nearly on each other.

    What is left of a shift and a stretch is put right to first order, as in registration by
    Lucas and Kanade (IJCAI 1981), and what is burnt out in the one is burnt out in the other.
    """
    cut, part = _raised(cut, part), _raised(part, cut)
    down, right = np.gradient(cut, axis=(1, 2))
    at = np.linspace(-1, 1, MINIATURE_PX, dtype=np.float32)
    ways = (cut, down, right, at[:, None] * down, at * right)
    explaining = np.stack([_rises(way) for way in ways], axis=1)
    target = _rises(part)
    products = explaining @ explaining.transpose(0, 2, 1)
    shares = explaining @ target[..., None]
    scale = np.trace(products, axis1=1, axis2=2)[:, None, None]
    weights = np.linalg.solve(products + 1e-6 * (scale + 1) * np.eye(len(ways)), shares)
    explained = (weights * shares).sum(axis=(1, 2)) / ((target**2).sum(axis=1) + 1)
    return np.asarray(np.sqrt(explained.clip(0, 1)))


def _raised(darker: _Small, brighter: _Small) -> _Small:
    """Return each picture as bright as its counterpart, if that is the brighter one."""
    told = brighter < _BURNT_OUT
    gain = (darker * brighter * told).sum(axis=(1, 2)) / ((darker**2 * told).sum(axis=(1, 2)) + 1)
    raised: _Small = np.minimum(np.maximum(gain, 1)[:, None, None] * darker, 255)
    return raised


def _rises(pictures: _Small) -> np.ndarray:
    """Return (pair, rise): from each cell to the next one, across and down."""
    both = [np.diff(pictures, axis=axis).reshape(len(pictures), -1) for axis in (1, 2)]
    return np.concatenate(both, axis=1)


def _cutting(start: float, length: float) -> _Cut:
    """Return the matrix that resamples a part of a row to a whole one, linearly."""
    at = (start + (np.arange(MINIATURE_PX) + 0.5) / MINIATURE_PX * length) * MINIATURE_PX - 0.5
    at = at.clip(0, MINIATURE_PX - 1)
    left = np.minimum(at.astype(int), MINIATURE_PX - 2)
    matrix = np.zeros((MINIATURE_PX, MINIATURE_PX), np.float32)
    rows = np.arange(MINIATURE_PX)
    matrix[rows, left], matrix[rows, left + 1] = 1 - (at - left), at - left
    return matrix


_CUTS = np.stack([_cutting(*part) for part in _PARTS])


def _correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the correlation of brightness over the last two axes; of flat pictures it is 0."""
    first = first - first.mean(axis=(-2, -1), keepdims=True)
    second = second - second.mean(axis=(-2, -1), keepdims=True)
    lengths = (first**2).sum(axis=(-2, -1)) * (second**2).sum(axis=(-2, -1))
    return np.asarray((first * second).sum(axis=(-2, -1)) / np.sqrt(lengths + 1))


def _edge_correlation(first: _Small, second: _Small) -> _Scores:
    products, lengths = np.zeros(len(first)), np.zeros((2, len(first)))
    for axis in (1, 2):
        rises = np.diff(first, axis=axis), np.diff(second, axis=axis)
        products += (rises[0] * rises[1]).sum(axis=(1, 2))
        lengths += [(one**2).sum(axis=(1, 2)) for one in rises]
    return np.asarray(products / np.sqrt(lengths[0] * lengths[1] + 1))


def _sets(pairs: _Pairs, known: np.ndarray) -> Iterator[list[int]]:
    """Yield the places of each set: pairs that share an image, and what the scan joined to them."""
    joined: dict[int, int] = {}

    def root(group: int) -> int:
        while joined.setdefault(group, group) != group:
            joined[group] = joined[joined[group]]
            group = joined[group]
        return group

    for first, second in known[pairs].tolist():
        low, high = sorted((root(first), root(second)))
        joined[high] = low
    sets: defaultdict[int, list[int]] = defaultdict(list)
    for place in np.flatnonzero(np.isin(known, list(joined))).tolist():
        sets[root(int(known[place]))].append(place)
    yield from sorted(sets.values())


def _finding(images: Sequence[Item]) -> Finding:
    paths = tuple(item.path for item in images)
    start = f"{len(images)} images show the same picture"
    splits = Counter(item.split for item in images)
    if len(splits) > 1:
        where = ", ".join(f"{count} in {split}" for split, count in sorted(splits.items()))
        return Finding(
            "split_leak",
            paths,
            "error",
            f"{start} in several splits ({where}): what is measured there is flattered. Keep one.",
        )
    labels = sorted({item.current_label for item in images})
    if len(labels) == 1:
        return Finding(
            "near_duplicate", paths, "info", f"{start}, mirrored, cropped or in another light."
        )
    named = ", ".join(shown_path(label) for label in labels[:_MOST_NAMED])
    more = f" and {len(labels) - _MOST_NAMED} more" if len(labels) > _MOST_NAMED else ""
    return Finding(
        "near_duplicate", paths, "warning", f"{start} under different labels: {named}{more}."
    )
