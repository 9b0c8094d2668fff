"""What every audit promises, and how unlike the rest a picture is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from jaxtyping import Float, Float32
from numpy import ndarray

from cleaner.arrays import Features
from cleaner.items import Finding, Item, ScannedFile

# From here on a picture stands out; of a bell-shaped spread one in 740 lies beyond it.
FAR = 3.0
# Of fewer pictures nobody can say what is usual.
LEAST_PICTURES = 10
# Makes the median deviation of a bell-shaped spread its standard deviation.
_BELL = 1.4826

# Small pictures in grey have this side.
MINIATURE_PX = 32

Values = Float[ndarray, "picture"]
Miniatures = Float32[ndarray, "picture 32 32"]


class Audit(Protocol):
    """Looks for trouble in what the scan knows of the files; opens none and needs no model.

    The findings name only paths of the given files, come in the same order every time, and an
    empty dataset has none.
    """

    def __call__(self, files: Sequence[ScannedFile], /) -> list[Finding]:
        """Return what was found, an empty list if nothing."""
        ...


def _computed(_part: str, compute: Callable[[], tuple[ndarray, ...]]) -> tuple[ndarray, ...]:
    return compute()


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What a round has seen of the images it ranked.

    Attributes:
        items: the images, with their labels and splits.
        features: (item, direction), what the networks see, along its main directions and of
            unit length; a mirror image has the same.
        miniatures: returns the images at these places of `items`, small and grey, 0..255; those
            that cannot be read are zeros.
        kept: returns what follows from images and groups alone, as an earlier round computed it
            or computed now.
    """

    items: Sequence[Item]
    features: Features = field(repr=False)
    miniatures: Callable[[Sequence[int]], Miniatures] = field(repr=False)
    kept: Callable[[str, Callable[[], tuple[ndarray, ...]]], tuple[ndarray, ...]] = _computed


class RoundAudit(Protocol):
    """Looks for trouble in what a round has seen.

    The findings name only paths of the given items, come in the same order every time, and no
    items have none.
    """

    def __call__(self, seen: Seen, /) -> list[Finding]:
        """Return what was found, an empty list if nothing."""
        ...


def deviations(values: Values, *, least_spread: float) -> Values:
    """Return how far each value lies from the middle one, in spreads of this dataset.

    Middle and spread are medians, which a tenth of odd pictures does not move. Of fewer than
    `LEAST_PICTURES` none deviates.

    Reference: Iglewicz and Hoaglin, How to Detect and Handle Outliers (1993).

    Args:
        values: one a picture.
        least_spread: taken where the dataset has less, so that trifles do not stand out among
            pictures that are all the same.
    """
    if values.size < LEAST_PICTURES:
        return np.zeros(values.shape)
    away: Values = values - np.median(values)
    spread = max(_BELL * float(np.median(np.abs(away))), least_spread)
    return away / spread
