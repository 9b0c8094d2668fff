"""The heads that sit on the committee."""

from __future__ import annotations

from cleaner.learning.heads.base import Head, HeadVotes, TrainingData
from cleaner.learning.heads.linear import linear
from cleaner.learning.heads.mlp import mlp
from cleaner.learning.heads.neighbours import neighbours
from cleaner.learning.heads.ridge import ridge

HEADS: dict[str, Head] = {
    "ridge": ridge,
    "mlp": mlp,
    "linear": linear,
    "neighbours": neighbours,
}

__all__ = ["HEADS", "Head", "HeadVotes", "TrainingData"]
