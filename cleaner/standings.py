"""How every image stands: how likely its label is, what rivals it, and why, in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cleaner.arrays import ClassMask, ItemIds, ItemMask, LabelQuality, Labels, Votes
from cleaner.items import shown_path
from cleaner.noise import NoiseModel

# Below this a voice is told as a reason of its own.
SPLIT_AGREEMENT = 0.75
# A label that has less of the nearest images' vote is told to have few of them.
LONELY_VOTE = 0.15
# Which reasons name classes, every second part of them being a name.
_SURE = r" \((?:[<>] )?\d+%\)"
_NAMING = [
    re.compile(pattern, re.DOTALL)
    for pattern in (
        rf"(Looks like )(.+?)({_SURE}, not like )(.+)({_SURE})",
        rf"(Torn between )(.+?)({_SURE} and )(.+)({_SURE})",
        r"(Few of the images most like it are labelled )(.+)",
    )
]


@dataclass(frozen=True, slots=True, eq=False)
class Standard:
    """What a label is held to in one round.

    Attributes:
        signal: the name of the signal that is the label quality.
        noise: how wrong the labels are.
        cut: labels of this quality or less are put up for review, -1 for none.
    """

    signal: str
    noise: NoiseModel
    cut: float

    def flagged(self, quality: LabelQuality, confirmed: ItemMask) -> ItemMask:
        """Return who is put up for review: a label that a person confirmed never is."""
        flagged: ItemMask = (quality <= self.cut) & ~confirmed
        return flagged


@dataclass(frozen=True, slots=True)
class Standings:
    """What the committee says of every image and its current label.

    Attributes:
        labels: (item,), index of the current label.
        self_confidence: (item,), probability of the current label.
        quality: (item,), the label quality: what the standard's signal says.
        suggested: (item,), the predicted class; the best other one of a flagged image.
        confidence: (item,), probability of the suggested class.
        flagged: (item,), whether it is put up for review.
    """

    labels: Labels
    self_confidence: LabelQuality
    quality: LabelQuality
    suggested: Labels
    confidence: LabelQuality
    flagged: ItemMask


@dataclass(frozen=True, slots=True)
class Voices:
    """Who judges an image apart from the others: the views, or the models.

    Attributes:
        noun: what they are called, and the kind of reason that they are.
        agreement: (item,), 1 where they tell the same story.
        votes: (voice, item), the class each is for.
    """

    noun: str
    agreement: LabelQuality
    votes: Votes


@dataclass(frozen=True, slots=True)
class Grounds:
    """What else there is to say of an image than how likely its label is.

    Attributes:
        voices: who may disagree.
        lonely: (class, item), whether few of the nearest images carry this label.
    """

    voices: tuple[Voices, ...]
    lonely: ClassMask


@dataclass(frozen=True, slots=True)
class Verdict:
    """All that a round finds of its labels.

    Attributes:
        standard: what they were held to.
        confirmed: (item,), labels that a person vouches for.
        standings: how each stands.
        grounds: for the reasons.
        signals: name -> (item,), what every signal on the shelf says.
    """

    standard: Standard
    confirmed: ItemMask
    standings: Standings
    grounds: Grounds
    signals: Mapping[str, LabelQuality]


@dataclass(frozen=True, slots=True)
class Teller:
    """Makes rows of `store.rounds` of standings, each with its reasons, the strongest first."""

    item_ids: ItemIds
    class_names: Sequence[str]
    standings: Standings
    grounds: Grounds

    def rows(self, places: Iterable[int], positions: Iterable[int]) -> Iterator[dict[str, Any]]:
        """Yield a row for the item at each place, to be ranked at the position beside it."""
        standings = self.standings
        for item, position in zip(places, positions, strict=True):
            flagged = bool(standings.flagged[item])
            reasons = self._reasons(item) if flagged else {}
            yield {
                "item_id": int(self.item_ids[item]),
                "position": int(position),
                "suggested_label": self.class_names[standings.suggested[item]],
                "self_confidence": float(standings.self_confidence[item]),
                "suggested_confidence": float(standings.confidence[item]),
                "label_quality": float(standings.quality[item]),
                "flagged": flagged,
                "reasons": list(reasons.values()),
                "reason_kinds": " ".join(reasons),
            }

    def _reasons(self, item: int) -> dict[str, str]:
        return dict([self._main(item), *self._torn_voices(item), *self._lonely(item)])

    def _main(self, item: int) -> tuple[str, str]:
        standings = self.standings
        chance, rival = float(standings.self_confidence[item]), float(standings.confidence[item])
        own = f"{self._name(int(standings.labels[item]))} ({_percent(chance)})"
        other = f"{self._name(int(standings.suggested[item]))} ({_percent(rival)})"
        if rival > chance:
            return "rival", f"Looks like {other}, not like {own}"
        return "torn", f"Torn between {own} and {other}"

    def _torn_voices(self, item: int) -> Iterator[tuple[str, str]]:
        for voices in self.grounds.voices:
            if voices.agreement[item] < SPLIT_AGREEMENT:
                votes = voices.votes[:, item]
                agreeing = int((votes == self.standings.labels[item]).sum())
                words = f"The {voices.noun} disagree: {agreeing} of {len(votes)} see the label"
                yield voices.noun, words

    def _lonely(self, item: int) -> Iterator[tuple[str, str]]:
        label = int(self.standings.labels[item])
        if self.grounds.lonely[label, item]:
            yield "lonely", f"Few of the images most like it are labelled {self._name(label)}"

    def _name(self, label: int) -> str:
        return shown_path(self.class_names[label])


def retold(reason: str, called: Mapping[str, str]) -> str:
    """Return a reason that a `Teller` gave, with its classes called otherwise; or any other text.

    >>> retold("Looks like cat (93%), not like dog (4%)", {"cat": "tiger"})
    'Looks like tiger (93%), not like dog (4%)'
    """
    for naming in _NAMING:
        found = naming.fullmatch(reason)
        if found is not None:
            parts = enumerate(found.groups())
            return "".join(called.get(part, part) if at % 2 else part for at, part in parts)
    return reason


def _percent(probability: float) -> str:
    """Never say that a model is certain: it is not."""
    if probability < 0.01:
        return "< 1%"
    return "> 99%" if probability > 0.99 else f"{probability:.0%}"
