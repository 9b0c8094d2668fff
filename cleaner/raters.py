"""How far people agree who judged the same images without knowing of each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cleaner.items import shown_path

UNDEFINED = "undefined: both have always said the same one thing, as they would by chance"


@dataclass(frozen=True, slots=True)
class Twice:
    """An image that two people have judged, each on their own.

    Attributes:
        first: who decided about it.
        first_says: the class that they found, or None if it is of no class.
        second: who was asked for a second opinion.
        second_says: likewise.
    """

    first: str
    first_says: str | None
    second: str
    second_says: str | None


@dataclass(frozen=True, slots=True)
class Accord:
    """What two people, or all together, agree on.

    Attributes:
        reviewers: the two, in the order of the alphabet; empty for all together.
        images: how many both have judged.
        agreed: of how many they have said the same.
        kappa: Cohen's kappa, from -1 to 1; None where it is undefined.
    """

    reviewers: tuple[str, ...]
    images: int
    agreed: int
    kappa: float | None

    @property
    def share(self) -> float | None:
        """The part of the images on which they agree, 0..1; None without an image."""
        return self.agreed / self.images if self.images else None

    @property
    def kappa_in_words(self) -> str:
        """Kappa with two decimals, or why there is none."""
        if self.kappa is not None:
            return f"{self.kappa:.2f}"
        return UNDEFINED if self.images else "none yet"

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "reviewers": [shown_path(name) for name in self.reviewers],
            "images": self.images,
            "agreed": self.agreed,
            "agreement": self.share,
            "kappa": self.kappa,
            "kappa_in_words": self.kappa_in_words,
        }


def overall(judged: Sequence[Twice]) -> Accord:
    """Return how far second opinions agree with first decisions, whoever gave them."""
    return _measured((), judged)


def by_pair(judged: Sequence[Twice]) -> list[Accord]:
    """Return how far each two people agree, whichever of them came first, most images first."""
    pairs: defaultdict[tuple[str, str], list[Twice]] = defaultdict(list)
    for one in map(_in_order, judged):
        pairs[one.first, one.second].append(one)
    ranked = sorted(pairs.items(), key=lambda entry: (-len(entry[1]), entry[0]))
    return [_measured(reviewers, both) for reviewers, both in ranked]


def _in_order(one: Twice) -> Twice:
    if one.first <= one.second:
        return one
    return Twice(one.second, one.second_says, one.first, one.first_says)


def _measured(reviewers: tuple[str, ...], judged: Sequence[Twice]) -> Accord:
    agreed = sum(one.first_says == one.second_says for one in judged)
    return Accord(reviewers, len(judged), agreed, _kappa(judged))


def _kappa(judged: Sequence[Twice]) -> float | None:
    """Return Cohen's kappa, or None where chance alone would have them agree on everything.

    "Of no class" counts as one more class.

    Reference: Cohen, Educational and Psychological Measurement 20 (1960).
    """
    numbers = {says: at for at, says in enumerate({s for one in judged for s in _both(one)})}
    if len(numbers) < 2:
        return None
    # Only now: it takes a moment to load, and most datasets have no second opinion.
    from sklearn.metrics import cohen_kappa_score

    firsts = [numbers[one.first_says] for one in judged]
    seconds = [numbers[one.second_says] for one in judged]
    return float(cohen_kappa_score(firsts, seconds))


def _both(one: Twice) -> tuple[str | None, str | None]:
    return one.first_says, one.second_says
