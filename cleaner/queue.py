"""Label quality becomes a review queue: who is flagged, in which order, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cleaner.arrays import ItemIds
from cleaner.predictions import Evidence
from cleaner.signals import SIGNALS
from cleaner.standings import EVEN_CHANCE, Standings, Teller, Voices


def build(
    item_ids: ItemIds, evidence: Evidence, class_names: Sequence[str]
) -> list[dict[str, Any]]:
    """Return one row an item, worst first, as `store.rounds.open_round` takes them.

    An image is flagged if its predicted label differs from the current one, or if the model
    gives the current one less than an even chance. The order is by self-confidence; at noise
    rates from 1 to 40% of real photos no other signal ranked better (docs/method.md).
    """
    found = standings(evidence)
    # Ties break by id, so that the same scores give the same queue.
    order = np.lexsort((item_ids, found.quality, ~found.flagged))
    teller = Teller(item_ids, class_names, found, voices(evidence))
    return list(teller.rows(order.tolist(), range(len(order))))


def standings(evidence: Evidence) -> Standings:
    """Return how each image stands with its current label."""
    labels, probs = evidence.labels, evidence.pred_probs
    rows = np.arange(len(labels))
    quality = SIGNALS["self_confidence"](evidence)
    flagged = (probs.argmax(axis=1) != labels) | (quality < EVEN_CHANCE)
    rivals = probs.copy()
    rivals[rows[flagged], labels[flagged]] = -1
    # For a flagged image that agrees with its label this is the best rival.
    suggested = np.where(flagged, rivals.argmax(axis=1), labels)
    return Standings(labels, quality, suggested, probs[rows, suggested], flagged)


def voices(evidence: Evidence) -> tuple[Voices, ...]:
    """Return the views and the models, as far as there are any to be told about."""
    apart = [("views", evidence.view_probs), ("models", evidence.committee_probs)]
    signals = {"views": "view_disagreement", "models": "committee_disagreement"}
    return tuple(
        Voices(noun, SIGNALS[signals[noun]](evidence), probs.argmax(axis=2))
        for noun, probs in apart
        if probs is not None
    )
