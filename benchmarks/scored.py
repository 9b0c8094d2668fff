"""One round of scoring as the product does it, without a project around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cleaner import queue
from cleaner.arrays import ItemMask, Labels
from cleaner.learning.heads import Head
from cleaner.learning.scoring import Examples, out_of_fold
from cleaner.predictions import Evidence, OutOfFold
from cleaner.settings import ScoreSettings


@dataclass(frozen=True, slots=True)
class Scored:
    """What the committee says, and the review queue that follows, in the order of the examples.

    Attributes:
        judged: the committee's probabilities.
        evidence: what the signals look at.
        position: (item,), place in the queue; 0 comes first.
        flagged: (item,), whether it is put up for review.
        suggested: (item,), index of the label that the queue proposes.
    """

    judged: OutOfFold
    evidence: Evidence
    position: np.ndarray
    flagged: ItemMask
    suggested: Labels


def score(
    examples: Examples, settings: ScoreSettings, more_heads: Mapping[str, Head] | None = None
) -> Scored:
    """Judge the examples, whose ids must count from 0, and build the queue."""
    judged = out_of_fold(examples, settings, more_heads=more_heads)
    evidence = Evidence(
        examples.labels, judged.pred_probs, judged.view_probs, judged.committee_probs
    )
    rows = queue.build(examples.item_ids, evidence, examples.class_names)
    rows.sort(key=lambda row: int(row["item_id"]))
    number = {name: index for index, name in enumerate(examples.class_names)}
    return Scored(
        judged,
        evidence,
        position=np.array([row["position"] for row in rows]),
        flagged=np.array([row["flagged"] for row in rows], bool),
        suggested=np.array([number[row["suggested_label"]] for row in rows], np.int64),
    )
