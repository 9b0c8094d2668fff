"""How far a round's models agree with labels, and whether their own figure can be believed.

A loop that is judged by the labels it has changed itself may only have learnt to please itself.
The sealed images train nothing, so what models say of them stands beside what they say, out of
fold, of the images that train.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from cleaner.estimates.intervals import Z_95, wilson_interval

# Models differ a little between any two sets of images; more than so much is worth an alarm.
_MARGIN = 0.02
# Below this many sealed images no difference is told from chance.
LEAST_SEALED = 30


@dataclass(frozen=True, slots=True)
class Agreement:
    """How many labels of some images a round's models predicted, as it began.

    Attributes:
        images: how many there were.
        agreeing: of how many the prediction was the label of the time.
        as_given: of how many it was the label they came with.
        reviewed: how many labels a person had confirmed.
    """

    images: int = 0
    agreeing: int = 0
    as_given: int = 0
    reviewed: int = 0


@dataclass(frozen=True, slots=True)
class Own:
    """What a round knew of its own models.

    Attributes:
        trained: of the images that train, by models that had not seen them.
        sealed: of those that do not.
    """

    trained: Agreement = Agreement()
    sealed: Agreement = Agreement()

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Own | None:
        """Return what was kept; None of a round of an earlier version."""
        if not values:
            return None
        return cls(Agreement(**values["trained"]), Agreement(**values["sealed"]))


@dataclass(frozen=True, slots=True)
class Share:
    """A share of some images, with its 95% interval."""

    hits: int
    images: int

    @property
    def value(self) -> float:
        """0..1."""
        return self.hits / max(1, self.images)

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's."""
        return wilson_interval(self.hits, self.images)

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"images": self.images, "value": self.value, "interval": list(self.interval)}


@dataclass(frozen=True, slots=True)
class Gain:
    """By how much one round's models are better than another's on the same images.

    Attributes:
        images: how many.
        value: -1..1, above 0 is an improvement.
        low: of the 95% interval.
        high: likewise.
    """

    images: int
    value: float
    low: float
    high: float

    @property
    def reach(self) -> float:
        """Half the width of the interval."""
        return (self.high - self.low) / 2

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"images": self.images, "value": self.value, "interval": [self.low, self.high]}


def gain(gained: int, lost: int, images: int) -> Gain:
    """Return the difference of two shares of the same images.

    Reference: Agresti and Min, Statistics in Medicine 24 (2005), on paired proportions: half an
    image is added to each cell of the table, so that few images make no false promise.

    Args:
        gained: how many only the later models predicted.
        lost: how many only the earlier ones did.
        images: how many there are.
    """
    middle = (gained - lost) / (images + 2)
    spread = gained + lost + 1 - (gained - lost) ** 2 / (images + 2)
    reach = Z_95 * math.sqrt(spread) / (images + 2)
    value = (gained - lost) / max(1, images)
    return Gain(images, value, max(-1.0, middle - reach), min(1.0, middle + reach))


def alarm(own: Own) -> str | None:
    """Return why a round's own figure is not to be believed; None if nothing speaks against it.

    The labels as they came are equally wrong in both sets, and the labels of the time where the
    sealed set was reviewed as far as the other. Models that never saw what they judge agree with
    both sets alike; those that memorise agree with what they learnt.
    """
    trained, sealed = own.trained, own.sealed
    if sealed.images < LEAST_SEALED or not trained.images:
        return None
    shares = [(trained.as_given, sealed.as_given)]
    if sealed.reviewed * trained.images >= 0.9 * trained.reviewed * sealed.images:
        shares.append((trained.agreeing, sealed.agreeing))
    for ours, theirs in shares:
        if _least_lead(ours, trained.images, theirs, sealed.images) > _MARGIN:
            return (
                f"Out of fold the models agree with {ours / trained.images:.1%} of the labels, on "
                f"sealed images with {theirs / sealed.images:.1%}. They may have memorised wrong "
                "labels, or suggestions may have been taken without looking."
            )
    return None


def _least_lead(hits: int, images: int, other_hits: int, other_images: int) -> float:
    """Return the lower end of the 95% interval of the difference of two shares.

    Reference: Newcombe, Statistics in Medicine 17 (1998), method 10.
    """
    share, other = hits / images, other_hits / other_images
    low, _ = wilson_interval(hits, images)
    _, high = wilson_interval(other_hits, other_images)
    return share - other - math.hypot(share - low, high - other)
