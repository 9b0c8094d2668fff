"""How many wrong labels are left, estimated from a random sample that was looked at blind.

A sample drawn before anybody had looked says how many labels of its band were wrong then. What
reviews have found since, by whatever way, is known; the difference is left. So the estimate does
not care what the queue shows first, nor that it has found most of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from cleaner.estimates.intervals import Z_95

# Each band whose images are not all known must have been looked at so often.
LEAST_SEEN = 5


@dataclass(frozen=True, slots=True)
class Cell:
    """What is known of the images of one band and one class.

    Attributes:
        band: images of one number were drawn from together.
        label: the class they had when lots were drawn.
        images: how many there were, without those that are gone.
        reviewed: of these, how many a person has decided about.
        wrong: of these, how many labels were wrong.
        drawn: how many were drawn and decided about, without a gap in their order.
        drawn_wrong: of these, how many labels were wrong.
    """

    band: int
    label: str
    images: int
    reviewed: int = 0
    wrong: int = 0
    drawn: int = 0
    drawn_wrong: int = 0


@dataclass(frozen=True, slots=True)
class Reviewing:
    """How often a decision is wrong.

    Attributes:
        error: 0..0.4; 0 takes every decision for the truth.
        spread: the standard error of it, where it was estimated.
        twice: how many images it was estimated from, or None where it is an assumption.
    """

    error: float = 0.0
    spread: float = 0.0
    twice: int | None = None

    @classmethod
    def of_opinions(cls, images: int, disagreed: int) -> Reviewing:
        """Return it from images that two people have judged, each on their own.

        Where both err independently, and alike often, exactly one of them is wrong in
        `2 error (1 - error)` of the images. Half an image is added to either count.

        >>> round(Reviewing.of_opinions(1_000, 95).error, 2)
        0.05
        """
        share = min((disagreed + 0.5) / (images + 1), 0.48)
        told = math.sqrt(1 - 2 * share)
        spread = math.sqrt(share * (1 - share) / (images + 1)) / (2 * told)
        return cls((1 - told) / 2, spread, images)


@dataclass(frozen=True, slots=True)
class Left:
    """How many labels are wrong of some images.

    Attributes:
        images: how many there are.
        errors: how many of them are wrong; a fraction, for it is estimated.
        low: at least so many, with a confidence of 97.5%.
        high: at most so many, likewise.
    """

    images: int
    errors: float
    low: float
    high: float

    @property
    def rate(self) -> float:
        """The share that is wrong, 0..1."""
        return self.errors / max(1, self.images)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95% interval of the share."""
        images = max(1, self.images)
        return self.low / images, self.high / images

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "images": self.images,
            "errors": self.errors,
            "rate": self.rate,
            "interval": list(self.interval),
        }


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is left in all images and in each class.

    Attributes:
        overall: of all images.
        classes: class -> of the images that carry it now.
        drawn: how many images of the sample were decided about.
        reviewing: what was assumed of decisions.
    """

    overall: Left
    classes: Mapping[str, Left] = field(default_factory=dict)
    drawn: int = 0
    reviewing: Reviewing = Reviewing()


def estimate(
    cells: Sequence[Cell],
    confirmed: Mapping[str, int],
    reviewing: Reviewing | None = None,
) -> Estimate | None:
    """Return what is left; None where too little of the sample was looked at.

    Args:
        cells: of the sample.
        confirmed: class -> how many images a person has put into it or left there.
        reviewing: how often decisions are wrong; without it, never.
    """
    reviewing = reviewing or Reviewing()
    bands = _bands(cells)
    if any(_needs_more(band) for band in bands):
        return None
    labels = sorted({cell.label for cell in cells} | set(confirmed))
    return Estimate(
        overall=_left(bands, sum(confirmed.values()), reviewing, lambda _cell: True),
        classes={
            label: _left(bands, confirmed.get(label, 0), reviewing, _is_of(label))
            for label in labels
        },
        drawn=sum(cell.drawn for cell in cells),
        reviewing=reviewing,
    )


def still_needed(cells: Sequence[Cell]) -> int:
    """Return how many more of the sample to look at, at least, before there is an estimate."""
    return sum(
        min(LEAST_SEEN, _sum(band, "images")) - _sum(band, "drawn")
        for band in _bands(cells)
        if _needs_more(band)
    )


def _bands(cells: Sequence[Cell]) -> list[list[Cell]]:
    ordered = sorted(cells, key=lambda cell: cell.band)
    return [list(band) for _, band in groupby(ordered, key=lambda cell: cell.band)]


def _sum(cells: Iterable[Cell], name: str) -> int:
    return sum(getattr(cell, name) for cell in cells)


def _needs_more(band: Sequence[Cell]) -> bool:
    images, reviewed, drawn = (_sum(band, name) for name in ("images", "reviewed", "drawn"))
    return reviewed < images and drawn < min(LEAST_SEEN, images)


def _is_of(label: str) -> Callable[[Cell], bool]:
    return lambda cell: cell.label == label


@dataclass(slots=True)
class _Sums:
    """What the bands come to whose images are not all known.

    Attributes:
        images: (N) how many they hold.
        unknown: (U) of these, how many nobody has decided about.
        found: (F) wrong labels that reviews have found.
        total: (T) wrong labels there were before, estimated.
        variance: of that.
        weight: how many images one of the sample stands for, at most.
    """

    images: int = 0
    unknown: int = 0
    found: int = 0
    total: float = 0.0
    variance: float = 0.0
    weight: float = 0.0

    def add(self, band: Sequence[Cell], of_class: Callable[[Cell], bool]) -> None:
        images, drawn = _sum(band, "images"), _sum(band, "drawn")
        chosen = [cell for cell in band if of_class(cell)]
        unknown = _sum(chosen, "images") - _sum(chosen, "reviewed")
        if not unknown:
            return
        wrong = _sum(chosen, "drawn_wrong")
        weight, unseen = images / drawn, 1 - drawn / images
        share = wrong / drawn
        self.images += _sum(chosen, "images")
        self.unknown += unknown
        self.found += _sum(chosen, "wrong")
        self.total += weight * wrong
        self.variance += (
            weight**2 * drawn * share * (1 - share) * unseen * drawn / max(1, drawn - 1)
        )
        self.weight = max(self.weight, weight * math.sqrt(unseen))


def _left(
    bands: Sequence[Sequence[Cell]],
    confirmed: int,
    reviewing: Reviewing,
    of_class: Callable[[Cell], bool],
) -> Left:
    sums = _Sums()
    for band in bands:
        sums.add(band, of_class)
    # A wrong decision calls a right label wrong as often as it lets a wrong one pass.
    error, told = reviewing.error, 1 - 2 * reviewing.error
    slope = sums.unknown - 2 * (sums.total - sums.found - error * sums.unknown) / told
    low, high = _interval(sums, (reviewing.spread * slope) ** 2)

    def unknown(total: float) -> float:
        wrong = (total - sums.found - error * sums.unknown) / told
        return min(max(wrong, 0.0), float(sums.unknown))

    middle, slips = unknown(sums.total), error * confirmed
    few, many = _slips(confirmed, reviewing)
    return Left(
        images=sums.unknown + confirmed,
        errors=middle + slips,
        low=middle + slips - math.hypot(middle - unknown(low), slips - few),
        high=middle + slips + math.hypot(unknown(high) - middle, many - slips),
    )


def _slips(confirmed: int, reviewing: Reviewing) -> tuple[float, float]:
    """Return between how many of the confirmed labels are wrong, with 95% confidence."""
    from scipy.stats import binom  # here and not at the top: most pages need no estimate

    slips, reach = reviewing.error * confirmed, Z_95 * reviewing.spread * confirmed
    few, many = (float(binom.ppf(chance, confirmed, reviewing.error)) for chance in (0.025, 0.975))
    return (
        max(0.0, slips - math.hypot(slips - few, reach)),
        min(float(confirmed), slips + math.hypot(many - slips, reach)),
    )


def _interval(sums: _Sums, more: float) -> tuple[float, float]:
    """Return between what the number of labels lies that were wrong before, with 95% confidence.

    That of a beta distribution with the mean and variance of the estimate, both as if half an
    image more of the heaviest weight had been found wrong. Of one band it is nearly Jeffreys'
    interval (Brown, Cai and DasGupta, Statistical Science 16, 2001); the weight is what Fay and
    Feuer (Statistics in Medicine 16, 1997) add for sums of rare events, in full there.
    """
    from scipy.stats import beta  # here and not at the top: most pages need no estimate

    if not sums.unknown:
        return sums.total, sums.total
    mean = (sums.total + sums.weight / 2) / (sums.images + sums.weight)
    variance = (sums.variance + sums.weight**2 / 2 + more) / sums.images**2
    mean = min(max(mean, 1e-9), 1 - 1e-9)
    strength = max(mean * (1 - mean) / max(variance, 1e-18) - 1, 1e-3)
    low, high = (
        float(beta.ppf(chance, mean * strength, (1 - mean) * strength)) for chance in (0.025, 0.975)
    )
    low = 0.0 if sums.total == 0 else low
    return low * sums.images, high * sums.images
