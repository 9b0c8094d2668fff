"""What reviewers ask for is checked and written into the log, each exactly once.

A request names an image and a wish; it is recorded as a decision, or refused with a reason.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

from sqlalchemy import Connection

from cleaner import opinions
from cleaner.decisions import STATUS_AFTER, Action, Decision, Opinion, Wish, signature, told
from cleaner.items import Item, shown_path
from cleaner.store import Store, catalogue, class_edits, decisions, lots, rounds
from cleaner.store import opinions as opinion_log


@dataclass(frozen=True, slots=True)
class Request:
    """What a reviewer asks for one image.

    Attributes:
        item_id: the image.
        action: accept, move, exclude, skip; undo, which takes back `undoes`; or redo, which
            decides again what was taken back by `undoes`.
        label: the class to move to.
        op_id: made by the client; a request that arrives twice counts once.
        undoes: the op_id that an undo takes back, or that of the undo.
        seen: the op_id of the latest decision on the image that the reviewer knew of, "" for
            none; if another one stands by now, the request is refused. None asks for no check.
        reviewer: who asks, where `decide` is not told of somebody who asks for all.
        about: the op_id of the decision on which this is a second opinion, which changes no
            image; see `cleaner.opinions`. None makes it a decision.
    """

    item_id: int
    action: Wish
    label: str | None = None
    op_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    undoes: str | None = None
    seen: str | None = None
    reviewer: str = ""
    about: str | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A request that was not recorded, and why.

    Attributes:
        request: what was asked.
        reason: one line.
        stands: the decision that somebody else has made meanwhile, if that is the reason.
    """

    request: Request
    reason: str
    stands: Decision | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of requests: `recorded` holds the op_ids that are now in the log."""

    recorded: tuple[str, ...]
    rejected: tuple[Rejected, ...]


def record(
    store: Store, wanted: Sequence[Request], *, reviewer: str = "", all_or_none: bool = False
) -> Recorded:
    """Record decisions and opinions, each exactly once, in one transaction.

    Args:
        store: of the dataset.
        wanted: what the reviewers ask for, in order.
        reviewer: a name for the log; goes before what the requests say.
        all_or_none: record nothing if any request is rejected.
    """
    recorded: list[str] = []
    rejected: list[Rejected] = []
    try:
        with store.write() as connection:
            clerk = _Clerk(connection, reviewer)
            known = _arrived(connection, wanted)
            for request in wanted:
                refused = None if request.op_id in known else clerk.record(request)
                if refused is None:
                    # Only now: sent again after a refusal, it would seem to be recorded.
                    known.add(request.op_id)
                    recorded.append(request.op_id)
                else:
                    rejected.append(refused)
            if rejected and all_or_none:
                raise _RollBack
    except _RollBack:
        recorded = []
    return Recorded(tuple(recorded), tuple(rejected))


def _arrived(connection: Connection, wanted: Sequence[Request]) -> set[str]:
    """Return the op_ids of those requests that were recorded before."""
    deciding = [one.op_id for one in wanted if one.about is None]
    opining = [one.op_id for one in wanted if one.about is not None]
    known = decisions.known_ops(connection, deciding)
    return known | opinion_log.known_ops(connection, opining) if opining else known


class _RollBack(Exception):
    """Leaves the transaction without keeping anything."""


class _Clerk:
    """Checks requests and writes them down, within one transaction."""

    def __init__(self, connection: Connection, reviewer: str) -> None:
        self._connection = connection
        self._reviewer = reviewer
        self._classes = set(catalogue.class_names(connection))
        self._round = rounds.latest(connection)
        self._last_drawn = lots.last_place(connection)
        self._lineage = class_edits.lineage(connection)
        self._called = rounds.names_now(self._lineage, self._round)

    def record(self, request: Request) -> Rejected | None:
        """Write a request down; return None, or why it was refused."""
        item = catalogue.item(self._connection, request.item_id)
        if item is None:
            return Rejected(request, f"No image has the number {request.item_id}.")
        if request.about is not None:
            reason = self._hear(request, item, request.about)
        elif request.action == "undo":
            reason = self._undo(request, item)
        elif request.action == "redo":
            reason = self._redo(request, item)
        else:
            return self._decide(request, item)
        return None if reason is None else Rejected(request, reason)

    def _called_now(self, decision: Decision) -> str:
        sequence = decisions.sequence_of(self._connection, decision.op_id)
        return self._lineage.of_decision(decision.label_after, sequence)

    def _decide(self, request: Request, item: Item) -> Rejected | None:
        reason = self._misnamed(request, item)
        if reason is not None:
            return Rejected(request, reason)
        stands = self._overtaken_by(request)
        if stands is not None:
            return Rejected(request, told(stands), stands)
        self._write(request, item)
        return None

    def _misnamed(self, request: Request, item: Item) -> str | None:
        if request.action not in STATUS_AFTER:
            known = ", ".join(STATUS_AFTER)
            return f"{shown_path(item.path)}: unknown action {request.action!r}. Known: {known}."
        if request.action == "move" and self._meant(request.label) not in self._classes:
            return (
                f"{shown_path(item.path)}: no class {request.label!r}. "
                f"Known: {_some(sorted(self._classes))}."
            )
        return None

    def _meant(self, label: str | None) -> str | None:
        """Return the class that is meant by whoever may not know of its latest name yet."""
        if label is None or label in self._classes:
            return label
        return self._lineage.now(label)

    def _overtaken_by(self, request: Request) -> Decision | None:
        """Return what was decided since the reviewer looked at the image."""
        if request.seen is None:
            return None
        stands = next(iter(decisions.of_item(self._connection, request.item_id)), None)
        return None if stands is None or stands.op_id == request.seen else stands

    def _write(self, request: Request, item: Item) -> None:
        label = self._meant(request.label) if request.action == "move" else None
        stays = label is None or label == item.current_label
        action = cast(Action, request.action)
        action = "accept" if action == "move" and stays else action
        self._append(request, item, action, item.current_label if stays else str(label))

    def _undo(self, request: Request, item: Item) -> str | None:
        undone = decisions.get(self._connection, request.undoes or "")
        if undone is None or undone.item_id != item.item_id or undone.action == "undo":
            return f"{shown_path(item.path)}: there is no such decision to undo."
        if decisions.is_undone(self._connection, undone.op_id):
            return f"{shown_path(item.path)}: that decision was undone before."
        # Only these say what an image shows; a skip or an exclusion repeats the label of the
        # time, which may be the one that is taken back.
        remaining = [
            decision
            for decision in decisions.of_item(self._connection, item.item_id)
            if decision.op_id != undone.op_id and decision.action in ("accept", "move")
        ]
        if remaining:
            label = self._called_now(remaining[0])
        else:
            label = self._lineage.of_item(item.given_label, item.item_id)
        self._append(request, item, "undo", label)
        return None

    def _redo(self, request: Request, item: Item) -> str | None:
        again = decisions.redoable(self._connection, self._name(request), request.undoes or "")
        if again is None or again.item_id != item.item_id:
            return (
                f"{shown_path(item.path)}: nothing to redo. It was decided about since, "
                "or you took nothing back."
            )
        decides_label = again.action in ("accept", "move")
        label = self._called_now(again) if decides_label else item.current_label
        self._append(request, item, again.action, label)
        return None

    def _hear(self, request: Request, item: Item, about: str) -> str | None:
        """Write a second opinion down, or take one back."""
        said = Opinion(
            op_id=request.op_id,
            item_id=item.item_id,
            action=cast(Action, request.action),
            label=item.current_label,
            reviewer=self._name(request),
            given_at=_now(),
            undoes=request.undoes if request.action == "undo" else None,
        )
        if request.action == "undo":
            return opinions.take_back(self._connection, said)
        label = self._meant(request.label) if request.action == "move" else None
        return self._misnamed(request, item) or opinions.record(
            self._connection, self._lineage, said, about, label
        )

    def _name(self, request: Request) -> str:
        return signature(self._reviewer or request.reviewer)

    def _why(self, item_id: int) -> str | None:
        """Return why the image was shown, in words; None if nothing had put it up."""
        blind = lots.why_blind(self._connection, item_id, self._last_drawn)
        if blind is not None:
            return blind
        return rounds.reason(self._connection, item_id, self._called)

    def _append(self, request: Request, item: Item, action: Action, label: str) -> None:
        if label not in self._classes:  # its folder was emptied and removed meanwhile
            self._classes.add(label)
            catalogue.set_classes(self._connection, sorted(self._classes))
        decisions.record(
            self._connection,
            Decision(
                op_id=request.op_id,
                item_id=item.item_id,
                action=action,
                label_before=item.current_label,
                label_after=label,
                reviewer=self._name(request),
                decided_at=_now(),
                round_id=self._round,
                undoes=request.undoes if request.action in ("undo", "redo") else None,
                reason=None if action == "undo" else self._why(item.item_id),
            ),
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _some(names: Sequence[str], limit: int = 12) -> str:
    shown = ", ".join(shown_path(name) for name in names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
