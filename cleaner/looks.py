"""How a picture looks in numbers: light, colours, sharpness; without what it shows.

Measured once, in the process that decodes a picture for the scan, and kept as text beside its
perceptual hash. So a scan that reads no file again costs nothing for it, and audits open none.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Sequence
from functools import cache
from itertools import accumulate

import numpy as np
from jaxtyping import Bool, UInt8
from numpy import ndarray

COLOURS = 64
SIDES = 4

Looks = np.ndarray
"""(picture,) of `RECORD`."""

RECORD = np.dtype(
    [
        ("dark_end", "u1"),  # the brightness, 0..255, that a hundredth of the picture is below,
        ("bright_end", "u1"),  # and that which a hundredth is above
        ("brightness", "u1"),  # the median, 0..255
        ("colourfulness", "u1"),  # distance of largest and smallest channel, but for a hundredth
        ("entropy", "<f2"),  # of brightness, bits, 0..8
        ("sharpness", "<f2"),  # 0..1, see `sharpness`
        ("colours", "u1", (COLOURS,)),  # share of each of 4 x 4 x 4 colours, 0..255
        # Of the outermost 32nd at each side: mean red, green and blue, and how much green varies.
        ("border", "u1", (SIDES, 4)),
    ]
)

# The same as bytes: quicker, and a million pictures are measured one by one.
_PACKED = struct.Struct(f"<4B2e{COLOURS}s{SIDES * 4}s")
_END = 0.01
_BORDER = 32
_LEAST_RISE = 0.25  # grey levels between neighbours, in the mean: with less there is no edge

_Channel = UInt8[ndarray, "row column"]
_Grid = UInt8[ndarray, "side side 3"]
_Mask = Bool[ndarray, "picture"]


def measured(channel: _Channel, grid: _Grid, histogram: Sequence[int], entropy: float) -> str:
    """Return the looks of one picture, in hex, as `read` takes them.

    Args:
        channel: one colour of the picture, as large as it was decoded.
        grid: the picture as a small square.
        histogram: how many places of the grid have each brightness.
        entropy: of that histogram, bits.
    """
    below = list(accumulate(histogram))
    dark, bright, middle = (bisect_left(below, end * below[-1]) for end in (_END, 1 - _END, 0.5))
    number, spread = _colours(grid)
    shares = np.bincount(number.ravel(), minlength=COLOURS) * (255 / number.size) + 0.5
    return _PACKED.pack(
        dark,
        bright,
        middle,
        int(np.partition(spread.ravel(), last := int((1 - _END) * spread.size))[last]),
        entropy,
        sharpness(channel),
        shares.astype(np.uint8).tobytes(),
        _border(grid).tobytes(),
    ).hex()


def _colours(grid: _Grid) -> tuple[np.ndarray, np.ndarray]:
    """Return, for a quarter of the places, the colour's number and how colourful it is."""
    red, green, blue = np.ascontiguousarray(grid[::2, ::2].transpose(2, 0, 1))
    most, least = np.maximum(red, green), np.minimum(red, green)
    spread = np.maximum(most, blue) - np.minimum(least, blue)
    return (red >> 6 << 4) | (green >> 6 << 2) | (blue >> 6), spread


def _border(grid: _Grid) -> np.ndarray:
    """Return (side, 4): mean red, green and blue of each side, and how much green varies."""
    sides = grid.reshape(-1, 3).take(_edge_places(len(grid)), axis=0)
    green = sides[:, :, 1].astype(np.float32)
    found = np.empty((SIDES, 4), np.uint8)
    found[:, :3] = (sides.sum(axis=1, dtype=np.uint32) + sides.shape[1] // 2) // sides.shape[1]
    found[:, 3] = green.std(axis=1) + 0.5
    return found


@cache
def _edge_places(side: int) -> np.ndarray:
    """Return (side, place): which places of a flat grid lie in the outermost 32nd at each side."""
    width = side // _BORDER
    places = np.arange(side * side).reshape(side, side)
    strips = (places[:width], places[-width:], places[:, :width], places[:, -width:])
    return np.stack([strip.ravel() for strip in strips])


def sharpness(channel: _Channel) -> float:
    """Return how much of the rise between neighbours a blur would take away, 0..1.

    A blur takes much from what is sharp and little from what is blurred already. A picture
    without any edge is 1: it is no blurred one. Of rows and columns the less sharp ones count,
    for a camera that moved blurs in one direction.

    Reference: Crete, Dolmiere, Ladret and Nicolas, SPIE 6492 (2007). We differ in a blur of
    three pixels, as suits small pictures, and look at every fourth line.
    """
    return min(_lost(channel[::4]), _lost(channel[:, ::4].T))


def _lost(lines: np.ndarray) -> float:
    if lines.shape[1] < 4:
        return 1.0
    lines = lines.astype(np.int16, order="C")
    rises = np.abs(lines[:, 2:-1] - lines[:, 1:-2])
    rises *= 3
    # The rise after a blur: two neighbouring means of three share two of their pixels.
    blurred = np.abs(lines[:, 3:] - lines[:, :-3])
    whole = int(rises.sum())
    if whole < 3 * _LEAST_RISE * rises.size:
        return 1.0
    return int(np.maximum(rises - blurred, 0).sum()) / whole


def read(looks: Sequence[str]) -> tuple[Looks, _Mask]:
    """Return the numbers behind texts of `measured`, and which of the texts were of this make.

    Args:
        looks: of each picture; what another version wrote, or nobody, reads as zeros.
    """
    known = np.array([is_known(one) for one in looks], bool)
    numbers = np.zeros(len(looks), RECORD)
    packed = bytes.fromhex("".join(one for one in looks if is_known(one)))
    numbers[known] = np.frombuffer(packed, RECORD)
    return numbers, known


def is_known(looks: str) -> bool:
    """Return whether a text was made by this version of `measured`."""
    return len(looks) == 2 * RECORD.itemsize
