"""How every image stands: how likely its label is, what rivals it, and why, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cleaner.arrays import ItemIds, ItemMask, LabelQuality, Labels, Votes
from cleaner.items import shown_path

# A label that the model gives less than an even chance is put up for review. Whatever is
# predicted to be another class lies below it, so the queue is a prefix of the ranking.
EVEN_CHANCE = 0.5
# Below this a voice is told as a reason of its own.
SPLIT_AGREEMENT = 0.75


@dataclass(frozen=True, slots=True)
class Standings:
    """What the committee says of every image and its current label.

    Attributes:
        labels: (item,), index of the current label.
        quality: (item,), probability of the current label.
        suggested: (item,), the best other class of a flagged image, else its label.
        confidence: (item,), probability of the suggested class.
        flagged: (item,), whether it is put up for review.
    """

    labels: Labels
    quality: LabelQuality
    suggested: Labels
    confidence: LabelQuality
    flagged: ItemMask


@dataclass(frozen=True, slots=True)
class Voices:
    """Who judges an image apart from the others: the views, or the models.

    Attributes:
        noun: what they are called.
        agreement: (item,), 1 where they tell the same story.
        votes: (voice, item), the class each is for.
    """

    noun: str
    agreement: LabelQuality
    votes: Votes


@dataclass(frozen=True, slots=True)
class Teller:
    """Makes rows of `store.rounds` of standings, each with its reasons, the strongest first."""

    item_ids: ItemIds
    class_names: Sequence[str]
    standings: Standings
    voices: Sequence[Voices]

    def rows(self, places: Iterable[int], positions: Iterable[int]) -> Iterator[dict[str, Any]]:
        """Yield a row for the item at each place, to be ranked at the position beside it."""
        standings = self.standings
        for item, position in zip(places, positions, strict=True):
            quality = float(standings.quality[item])
            flagged = bool(standings.flagged[item])
            yield {
                "item_id": int(self.item_ids[item]),
                "position": int(position),
                "suggested_label": self.class_names[standings.suggested[item]],
                "self_confidence": quality,
                "suggested_confidence": float(standings.confidence[item]),
                "label_quality": quality,
                "flagged": flagged,
                "reasons": self._reasons(item) if flagged else [],
            }

    def _reasons(self, item: int) -> list[str]:
        return [self._main(item), *self._torn_voices(item)]

    def _main(self, item: int) -> str:
        standings = self.standings
        quality, confidence = float(standings.quality[item]), float(standings.confidence[item])
        own = f"{self._name(int(standings.labels[item]))} ({_percent(quality)})"
        other = f"{self._name(int(standings.suggested[item]))} ({_percent(confidence)})"
        if confidence > quality:
            return f"Looks like {other}, not like {own}"
        return f"Torn between {own} and {other}"

    def _torn_voices(self, item: int) -> Iterator[str]:
        for voices in self.voices:
            if voices.agreement[item] < SPLIT_AGREEMENT:
                votes = voices.votes[:, item]
                agreeing = int((votes == self.standings.labels[item]).sum())
                yield f"The {voices.noun} disagree: {agreeing} of {len(votes)} see the label"

    def _name(self, label: int) -> str:
        return shown_path(self.class_names[label])


def _percent(probability: float) -> str:
    """Never say that a model is certain: it is not."""
    if probability < 0.01:
        return "< 1%"
    return "> 99%" if probability > 0.99 else f"{probability:.0%}"
