"""Label quality becomes a review queue: who is flagged, in which order, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cleaner.arrays import ItemIds, ItemMask, Labels
from cleaner.items import shown_path
from cleaner.predictions import Evidence
from cleaner.signals import SIGNALS

# A label that the model gives less than an even chance is put up for review. Whatever is
# predicted to be another class lies below it, so the queue is a prefix of the ranking.
EVEN_CHANCE = 0.5
# Below this a voice is told as a reason of its own.
SPLIT_AGREEMENT = 0.75


def build(
    item_ids: ItemIds, evidence: Evidence, class_names: Sequence[str]
) -> list[dict[str, Any]]:
    """Return one row an item, worst first, as `store.rounds.open_round` takes them.

    An image is flagged if its predicted label differs from the current one, or if the model
    gives the current one less than an even chance. The order is by self-confidence; at noise
    rates from 1 to 40% of real photos no other signal ranked better (docs/method.md).
    """
    qualities = {name: signal(evidence) for name, signal in SIGNALS.items()}
    predicted = evidence.pred_probs.argmax(axis=1)
    quality = qualities["self_confidence"]
    flagged = (predicted != evidence.labels) | (quality < EVEN_CHANCE)
    # Ties break by id, so that the same scores give the same queue.
    order = np.lexsort((item_ids, quality, ~flagged))
    suggested = _suggestions(evidence, flagged)
    teller = _Teller(evidence, qualities, [shown_path(name) for name in class_names])
    return [
        {
            "item_id": int(item_ids[item]),
            "position": position,
            "suggested_label": class_names[suggested[item]],
            "self_confidence": float(quality[item]),
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

    def _torn_voices(
        self, item: int, voices: np.ndarray | None, signal: str, noun: str
    ) -> list[str]:
        if voices is None or self._qualities[signal][item] >= SPLIT_AGREEMENT:
            return []
        agreeing = int((voices[:, item].argmax(axis=1) == self._evidence.labels[item]).sum())
        return [f"The {noun} disagree: {agreeing} of {len(voices)} see the label"]
