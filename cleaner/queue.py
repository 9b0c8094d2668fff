"""Label quality becomes a review queue: who is flagged, in which order, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cleaner.arrays import ItemIds, ItemMask, LabelQuality, Labels
from cleaner.items import shown_path
from cleaner.noise import NoiseModel, estimate
from cleaner.predictions import Evidence
from cleaner.signals import SIGNALS

# From this estimated share of wrong labels on, the chance that a label is right ranks better
# than self-confidence, which is best below it (docs/method.md).
NOISY = 0.25
# The odds of an error are taken to be this many times what the noise model says. It lets noise
# depend on the class alone, while people mistake hard pictures more often than easy ones, so it
# finds too few of human errors; where errors are drawn at random the factor changes nothing.
CAUTION = 2.0
# No label with a smaller chance of being wrong is put up for review.
LEAST_CHANCE = 0.1
# Below this a voice is told as a reason of its own.
SPLIT_AGREEMENT = 0.75
LONELY_VOTE = 0.15


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

    @classmethod
    def of(cls, evidence: Evidence) -> Standard:
        """Return the standard that fits the noise of the labels nobody confirmed."""
        in_doubt = np.ones(len(evidence.labels), bool)
        if evidence.confirmed is not None:
            in_doubt = ~evidence.confirmed
        probs, labels = evidence.pred_probs[in_doubt], evidence.labels[in_doubt]
        noise = estimate(probs, labels)
        signal = "label_posterior" if noise.rate >= NOISY else "self_confidence"
        quality = SIGNALS[signal](Evidence(labels, probs, noise=noise))
        right = noise.posterior(probs, labels)
        return cls(signal, noise, best_cut(quality, right / (right + CAUTION * (1 - right))))


def best_cut(quality: LabelQuality, right: LabelQuality) -> float:
    """Return the quality up to which reviewing gives the best expected F1 score.

    With `right` the chance that each label is right, the first k labels in order of quality
    hold an expected sum(1 - right) errors; precision and recall of every k follow from it.

    Reference: Ye, Chai, Lee and Chieu, ICML (2012), on cuts that optimise the expected F1.
    """
    order = np.argsort(quality, kind="stable")
    wrong = 1 - right[order]
    # Where hardly an error is expected, the best cut of all would be to review everything.
    worth_a_look = np.flatnonzero(wrong >= LEAST_CHANCE)
    if not worth_a_look.size:
        return -1.0
    errors = np.cumsum(wrong)
    expected = 2 * errors / (np.arange(1, wrong.size + 1) + errors[-1])
    best = int(expected[: worth_a_look[-1] + 1].argmax())
    return float(quality[order[best]])


def build(
    item_ids: ItemIds,
    evidence: Evidence,
    class_names: Sequence[str],
    standard: Standard | None = None,
) -> list[dict[str, Any]]:
    """Return one row an item, worst first, as `store.rounds.open_round` takes them.

    An image is flagged if its label quality is below the cut of the standard and no person
    has confirmed its label. Ties break by id, so that the same scores give the same queue.
    """
    standard = standard or Standard.of(evidence)
    evidence = replace(evidence, noise=standard.noise)
    qualities = {name: signal(evidence) for name, signal in SIGNALS.items()}
    quality = qualities[standard.signal]
    flagged = quality <= standard.cut
    if evidence.confirmed is not None:
        flagged &= ~evidence.confirmed
    order = np.lexsort((item_ids, quality, ~flagged))
    suggested = _suggestions(evidence, flagged)
    teller = _Teller(evidence, qualities, [shown_path(name) for name in class_names])
    own = qualities["self_confidence"]
    return [
        {
            "item_id": int(item_ids[item]),
            "position": position,
            "suggested_label": class_names[suggested[item]],
            "self_confidence": float(own[item]),
            "suggested_confidence": float(evidence.pred_probs[item, suggested[item]]),
            "label_quality": float(quality[item]),
            "flagged": bool(flagged[item]),
            "reasons": teller.reasons(int(item)) if flagged[item] else [],
        }
        for position, item in enumerate(order)
    ]


def _suggestions(evidence: Evidence, flagged: ItemMask) -> Labels:
    """Return the predicted label; for a flagged one that agrees with it, the best rival."""
    rows = np.arange(len(evidence.labels))
    rivals = evidence.pred_probs.copy()
    rivals[rows[flagged], evidence.labels[flagged]] = -1
    suggested: Labels = rivals.argmax(axis=1)
    return suggested


def _percent(probability: float) -> str:
    """Never say that a model is certain: it is not."""
    if probability < 0.01:
        return "< 1%"
    return "> 99%" if probability > 0.99 else f"{probability:.0%}"


class _Teller:
    """Puts into words why an image is suspect, the strongest reason first."""

    def __init__(
        self, evidence: Evidence, qualities: dict[str, np.ndarray], names: Sequence[str]
    ) -> None:
        self._evidence = evidence
        self._qualities = qualities
        self._names = names
        self._predicted = evidence.pred_probs.argmax(axis=1)

    def reasons(self, item: int) -> list[str]:
        """Return one sentence a reason."""
        return [
            self._main(item),
            *self._torn_voices(item, self._evidence.view_probs, "view_disagreement", "views"),
            *self._torn_voices(
                item, self._evidence.committee_probs, "committee_disagreement", "models"
            ),
            *self._lonely(item),
        ]

    def _main(self, item: int) -> str:
        probs = self._evidence.pred_probs[item]
        label, predicted = self._evidence.labels[item], self._predicted[item]
        own = f"{self._names[label]} ({_percent(probs[label])})"
        if predicted != label:
            other = f"{self._names[predicted]} ({_percent(probs[predicted])})"
            return f"Looks like {other}, not like {own}"
        rival = np.argsort(probs)[-2]
        return f"Torn between {own} and {self._names[rival]} ({_percent(probs[rival])})"

    def _lonely(self, item: int) -> list[str]:
        if self._qualities["neighbours"][item] >= LONELY_VOTE:
            return []
        name = self._names[self._evidence.labels[item]]
        return [f"Few of the images most like it are labelled {name}"]

    def _torn_voices(
        self, item: int, voices: np.ndarray | None, signal: str, noun: str
    ) -> list[str]:
        if voices is None or self._qualities[signal][item] >= SPLIT_AGREEMENT:
            return []
        agreeing = int((voices[:, item].argmax(axis=1) == self._evidence.labels[item]).sum())
        return [f"The {noun} disagree: {agreeing} of {len(voices)} see the label"]
