"""Neighbours: whether the images most like this one carry the same label."""

from __future__ import annotations

import numpy as np

from cleaner.arrays import LabelQuality
from cleaner.predictions import Evidence

MEMBER = "neighbours"


def neighbours(evidence: Evidence) -> LabelQuality:
    """Return how much of the nearest images' vote the current label has.

    The vote is that of the committee's member of this name; without one every item is 1.

    Reference: Cover and Hart, IEEE Transactions on Information Theory 13 (1967); Wilson, IEEE
    Transactions on Systems, Man and Cybernetics 2 (1972), on editing by nearest neighbours.
    """
    items = len(evidence.labels)
    if evidence.committee_probs is None or MEMBER not in evidence.member_names:
        return np.ones(items)
    votes = evidence.committee_probs[evidence.member_names.index(MEMBER)]
    own: LabelQuality = votes[np.arange(items), evidence.labels]
    return own
