"""What a round leaves of its votes and likenesses, to be shown beside a suspect.

Everything is laid out so that one image's part is a few pages of a mapped file.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from cleaner.arrays import (
    HatBasis,
    InputMeans,
    ItemMask,
    KeptVotes,
    Likeness,
    MemberWeights,
    TaughtDirections,
)
from cleaner.predictions import OutOfFold
from cleaner.standings import Standings


@dataclass(frozen=True, slots=True)
class Testimony:
    """What the committee said of each image, and by what it says so.

    Attributes:
        likeness: (item, reduced), unit length; the product of two rows says how alike two
            images are.
        votes: (item, member, class), the members' probabilities.
        basis: as in `predictions.RidgeFit`, as are `taught` and `means`.
        sound: (item,), labels that stand for their class although nobody confirmed them.
        weights: (member,), how much each counts.
        member_names: in the order of the member axis.
    """

    likeness: Likeness = field(repr=False)
    votes: KeptVotes = field(repr=False)
    basis: HatBasis = field(repr=False)
    taught: TaughtDirections = field(repr=False)
    means: InputMeans = field(repr=False)
    sound: ItemMask = field(repr=False)
    weights: MemberWeights
    member_names: tuple[str, ...]


def testimony_of(prediction: OutOfFold, standings: Standings) -> Testimony | None:
    """Return what is kept of a round to be shown, or None where a part of it is missing."""
    fit, likeness = prediction.refit, prediction.likeness
    if fit is None or likeness is None:
        return None
    members, items, classes = prediction.committee_probs.shape
    votes = np.empty((items, members, classes), np.float16)
    for member, probs in enumerate(prediction.committee_probs):
        votes[:, member] = probs
    return Testimony(
        likeness=likeness,
        votes=votes,
        basis=fit.basis,
        taught=fit.taught,
        means=fit.means,
        sound=sound(standings),
        weights=prediction.weights,
        member_names=prediction.member_names,
    )


def sound(standings: Standings) -> ItemMask:
    """Return which labels are in no doubt: of each class the better half of those left alone.

    What is up for review, or is taken for another class, is not among them.
    """
    alone = ~standings.flagged & (standings.suggested == standings.labels)
    found: ItemMask = np.zeros(alone.shape, bool)
    for label in np.unique(standings.labels[alone]):
        places = np.flatnonzero(alone & (standings.labels == label))
        quality = standings.quality[places]
        found[places[quality >= np.median(quality)]] = True
    return found
