"""The one thing to do next with a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cleaner.decisions import Round
from cleaner.store.models import FinalModel

Kind = Literal["score", "wait", "review", "retrain", "train", "use"]


@dataclass(frozen=True, slots=True)
class Step:
    """What to do next, as the page says it.

    Attributes:
        kind: which action the button starts.
        title: one short sentence.
        detail: what will happen.
        button: its words, or "" where there is only waiting.
    """

    kind: Kind
    title: str
    detail: str
    button: str


def next_step(
    rounds: Sequence[Round], models: Sequence[FinalModel], *, awaiting: int, busy: bool
) -> Step:
    """Return the step for a dataset with these rounds and models.

    Args:
        rounds: all of them, the first one first.
        models: the final models, the latest first.
        awaiting: how many images await a decision.
        busy: whether a job is active.
    """
    if busy:
        return _WAIT
    if not rounds:
        return _SCORE
    latest = rounds[-1]
    if awaiting:
        return _review(awaiting, latest)
    if latest.relabelled or latest.excluded:
        return _retrain(latest)
    if models and models[0].created_at > latest.started_at:
        return _USE
    return _TRAIN


def _review(awaiting: int, latest: Round) -> Step:
    images = "image awaits" if awaiting == 1 else "images await"
    return Step(
        "review",
        f"{awaiting:,} {images} your decision",
        f"Round {latest.round_id} put {latest.flagged:,} of {latest.images:,} images up for "
        "review, the most suspect first. One key settles one image.",
        "Review",
    )


def _retrain(latest: Round) -> Step:
    changed = latest.relabelled + latest.excluded
    return Step(
        "retrain",
        "All suspects are reviewed: clean and retrain",
        f"You changed {changed:,} labels in round {latest.round_id}. The next round applies "
        "them, learns from the corrected labels and looks again.",
        "Clean and retrain",
    )


_SCORE = Step(
    "score",
    "Find the suspect labels",
    "A pretrained network looks at every image and says which labels do not fit. No file is "
    "changed by that.",
    "Find suspect labels",
)
_WAIT = Step("wait", "A job is running", "Its result appears here as soon as it is done.", "")
_TRAIN = Step(
    "train",
    "All suspects are reviewed: train the final model",
    "This round changed no label, so nothing is left to clean. Train a MobileNet on the reviewed "
    "labels and download it.",
    "Go to Model",
)
_USE = Step(
    "use",
    "The model is ready",
    "It was trained on the labels of the latest round. Try it on a photo of yours, or download it.",
    "Go to Model",
)
