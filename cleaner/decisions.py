"""What people decide, what follows on disk, and the rounds between."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from cleaner.items import Split, Status, shown_path

# Stands in the log where somebody moved a file between class folders by hand.
FOLDER_REVIEWER = "(moved in the folder)"

Action = Literal["accept", "move", "exclude", "skip", "undo"]
# What a reviewer asks for; the log holds a redo as the decision that it makes anew.
Wish = Literal[Action, "redo"]

STATUS_AFTER: dict[str, Status] = {
    "accept": "accepted",
    "move": "moved",
    "exclude": "excluded",
    "skip": "skipped",
}
# Statuses of images whose current label a person vouches for.
CONFIRMED: tuple[Status, ...] = ("accepted", "moved")


@dataclass(frozen=True, slots=True)
class Decision:
    """One entry of the append-only log.

    Attributes:
        op_id: unique, made by the client; a second arrival of the same one is ignored.
        item_id: the image.
        action: what was decided; ``undo`` takes back the decision named by `undoes`.
        label_before: the current label until then.
        label_after: the current label from then on.
        reviewer: a name, or ``""``.
        decided_at: UTC, ISO 8601.
        round_id: the round whose queue showed it, or None.
        undoes: op_id of the decision that is taken back; of a decision made anew by a redo,
            that of the undo; or None.
        reason: why the queue showed it then, in words, or None where it did not.
    """

    op_id: str
    item_id: int
    action: Action
    label_before: str
    label_after: str
    reviewer: str
    decided_at: str
    round_id: int | None = None
    undoes: str | None = None
    reason: str | None = None


_DEEDS: dict[str, str] = {
    "accept": "kept it as {label}",
    "move": "moved it to {label}",
    "exclude": "excluded it",
    "skip": "skipped it",
}


def told(decision: Decision) -> str:
    """Return who decided what and when, in words and in the time of this computer.

    >>> told(Decision("op", 1, "accept", "shirt", "shirt", "Anna", "2026-01-01T10:32:00"))
    'Anna kept it as shirt, 2026-01-01 10:32'
    """
    when = datetime.fromisoformat(decision.decided_at).astimezone()
    is_today = when.date() == datetime.now().astimezone().date()
    time = f"{when:%H:%M}" if is_today else f"{when:%Y-%m-%d %H:%M}"
    return f"{deed(decision)}, {time}"


def deed(decision: Decision) -> str:
    """Return who decided what, in words."""
    is_named = decision.reviewer not in ("", FOLDER_REVIEWER)
    who = shown_path(decision.reviewer) if is_named else "Somebody"
    return f"{who} {_DEEDS[decision.action].format(label=shown_path(decision.label_after))}"


def wish(opinion: Opinion) -> str:
    """Return who would have decided what, in words.

    >>> wish(Opinion("op", 1, "move", "shirt", "Ben", ""))
    'Ben would have moved it to shirt'
    """
    would = _DEEDS[opinion.action].format(label=shown_path(opinion.label))
    return f"{shown_path(opinion.reviewer)} would have {would}"


def found(action: str, label: str) -> str | None:
    """Return the class of which an image is by a decision or opinion; None if it is of none.

    >>> found("move", "cat"), found("exclude", "cat")
    ('cat', None)
    """
    return None if action == "exclude" else label


def signature(name: str) -> str:
    """Return a reviewer's name as the log takes it: nobody goes by the name of the folder."""
    return name.strip("()") if name == FOLDER_REVIEWER else name


@dataclass(frozen=True, slots=True)
class Opinion:
    """One entry of the append-only log of what people say of images that others decided about.

    Attributes:
        op_id: unique, as that of a decision.
        item_id: the image.
        action: what they would have decided; ``undo`` takes back the opinion named by `undoes`.
        label: the class that the image then has, as it was called at the time.
        reviewer: a name, never ``""``.
        given_at: UTC, ISO 8601.
        decision: number, in the log of decisions, of the one on which it is a second opinion.
        differs: whether that one says something else.
        class_edit: number of the latest edit of the classes until then, or 0.
        undoes: op_id of the opinion that is taken back, or None.
    """

    op_id: str
    item_id: int
    action: Action
    label: str
    reviewer: str
    given_at: str
    decision: int = 0
    differs: bool = False
    class_edit: int = 0
    undoes: str | None = None


@dataclass(frozen=True, slots=True)
class FileMove:
    """One journalled move.

    Attributes:
        move_id: a number.
        item_id: the image.
        source: ``dataset/...`` or ``quarantine/...``, ``/`` between parts.
        destination: likewise; never the name of an existing file.
        content_hash: SHA-256 the file must have.
        state: ``planned`` until done, then ``done``; ``reverted`` if it did not happen.
    """

    move_id: int
    item_id: int
    source: str
    destination: str
    content_hash: str
    state: Literal["planned", "done", "reverted"]


@dataclass(frozen=True, slots=True)
class Plan:
    """The moves that make class folders match the decisions, and what stands in the way."""

    moves: tuple[FileMove, ...]
    problems: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Round:
    """One turn of the loop.

    Attributes:
        round_id: counts from 1.
        model_id: what ranked the images.
        images: how many were ranked.
        flagged: how many were put up for review.
        reviewed: how many were decided (accepted, moved or excluded) in this round.
        relabelled: of these, how many were moved to another class.
        excluded: of these, how many were taken out.
        accuracy: agreement of out-of-fold predictions with the labels of the time, 0..1.
        seconds: keys features, training, total.
        started_at: UTC, ISO 8601.
        closed_at: when the next round began, or None.
    """

    round_id: int
    model_id: str
    images: int
    flagged: int
    reviewed: int
    relabelled: int
    excluded: int
    accuracy: float
    seconds: dict[str, float]
    started_at: str
    closed_at: str | None


# What there is to say of an image that the latest round did not rank, such as an excluded one.
UNRANKED: dict[str, Any] = {
    "self_confidence": 0.0,
    "suggested_confidence": 0.0,
    "label_quality": 0.0,
    "flagged": False,
    "position": -1,
    "reasons": ("The latest round did not rank this image.",),
}


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """One line of the queue.

    Attributes:
        position: rank in the latest round, 0 is the most suspect. An image that a decision
            has moved takes the rank its label quality would have had when the round was opened;
            of two at one rank the lower quality comes first.
        self_confidence: probability of the current label, 0..1.
        suggested_confidence: probability of the suggested label, 0..1.
        label_quality: 0 suspect, 1 trusted.
        flagged: whether it was put up for review.
        reasons: why, in words, the strongest first.
    """

    item_id: int
    path: str
    split: Split
    width: int
    height: int
    given_label: str
    current_label: str
    suggested_label: str
    self_confidence: float
    suggested_confidence: float
    label_quality: float
    flagged: bool
    status: Status
    position: int
    reasons: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the fields the command line promises, plain values only."""
        values = {name: getattr(self, name) for name in self.__slots__}
        names = ("path", "given_label", "current_label", "suggested_label")
        shown = {name: shown_path(values[name]) for name in names}
        return values | shown | {"reasons": [shown_path(reason) for reason in self.reasons]}
