"""Second opinions: somebody else judges an image again, knowing neither decision nor model.

An opinion changes nothing. Where it differs from the decision, the image comes up to be settled,
which is a decision like any other; what both have said stays comparable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from cleaner import leasing, raters
from cleaner.class_edits import Lineage
from cleaner.decisions import FOLDER_REVIEWER, Decision, Opinion, ReviewItem, deed, found
from cleaner.errors import SettingsError
from cleaner.items import Status, shown_path
from cleaner.leasing import Demand, Handed
from cleaner.raters import Accord
from cleaner.store import Store, class_edits, decisions, leases, opinions
from cleaner.store.tables import items

# Of which images a share is looked at again.
WHICH: dict[str, tuple[Status, ...]] = {
    "decided": ("accepted", "moved", "excluded"),
    "changed": ("moved", "excluded"),
}


@dataclass(frozen=True, slots=True)
class Figures:
    """How second opinions stand.

    Attributes:
        waiting: how many images wait for one.
        to_settle: on how many the two differ, and nobody has settled it.
        overall: how far they agree, all together.
        pairs: each two people, those with the most images first.
    """

    waiting: int
    to_settle: int
    overall: Accord
    pairs: tuple[Accord, ...]

    @property
    def any(self) -> bool:
        """Whether somebody was asked or has answered."""
        return bool(self.waiting or self.overall.images)

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        together = self.overall.as_json()
        del together["reviewers"]
        pairs = [pair.as_json() for pair in self.pairs]
        return {"waiting": self.waiting, "to_settle": self.to_settle} | together | {"pairs": pairs}


def figures(store: Store) -> Figures:
    """Return how second opinions stand."""
    with store.read() as connection:
        waiting, to_settle = opinions.waiting_count(connection), opinions.disputed_count(connection)
        judged = opinions.judged_twice(connection)
    return Figures(waiting, to_settle, raters.overall(judged), tuple(raters.by_pair(judged)))


def to_settle(store: Store) -> int:
    """Return on how many images two people differ, and nobody has settled it."""
    with store.read() as connection:
        return opinions.disputed_count(connection)


# -- asking ------------------------------------------------------------------------------


def ask(
    store: Store,
    rng: np.random.Generator,
    *,
    most: int,
    which: str = "decided",
    asker: str = "",
) -> int:
    """Ask for a second opinion on a random share of what was decided.

    Args:
        store: of the dataset.
        rng: draws the images.
        most: at most so many.
        which: one of `WHICH`.
        asker: a name, or "".

    Returns:
        On how many. Fewer than `most` if there are no more that somebody with a name decided
        about and nobody was asked about yet.

    Raises:
        SettingsError: there is no such share.
    """
    if which not in WHICH:
        raise SettingsError(f"which is {which!r}. Known: {', '.join(WHICH)}.")
    with store.write() as connection:
        able = opinions.to_ask(connection, WHICH[which])
        places = rng.choice(len(able), min(most, len(able)), replace=False) if able else ()
        drawn = [able[place] for place in places]
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        opinions.ask(connection, drawn, asker=asker, asked_at=now)
    return len(drawn)


def withdraw(store: Store) -> int:
    """Ask about nothing any more; return how many images still waited. Opinions stay."""
    with store.write() as connection:
        return opinions.withdraw(connection)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """The images that wait for one person's opinion."""

    reviewer: str

    def count(self, connection: Connection) -> int:
        return opinions.waiting_count(connection, self.reviewer)

    def first(self, connection: Connection, limit: int) -> Sequence[ReviewItem]:
        return opinions.waiting(connection, self.reviewer, limit=limit)


def hand_out(store: Store, holder: str, reviewer: str, *, limit: int) -> Handed:
    """Return images that wait for this person's opinion, and keep them for `holder`.

    They are as they were before the decision, without what a model says. To who has no name
    nothing is handed out: it may have been they who decided.
    """
    if not reviewer:
        return Handed([], 0)
    return leasing.hand_out(store, holder, _Waiting(reviewer), Demand(limit))


# -- hearing -----------------------------------------------------------------------------


def record(
    connection: Connection, lineage: Lineage, opinion: Opinion, about: str, label: str | None
) -> str | None:
    """Write an opinion down; return None, or why it was refused.

    Args:
        connection: within the caller's transaction.
        lineage: what became of the classes.
        opinion: what was said; `decision`, `differs` and the rest of it follow from the log.
        about: op_id of the decision on which it is an opinion.
        label: the class to move to; None for any other action.
    """
    first = decisions.get(connection, about)
    if first is None or first.item_id != opinion.item_id:
        return "There is no such decision to have an opinion on."
    number = decisions.sequence_of(connection, about)
    reason = _refusal(connection, opinion, first, number)
    if reason is None:
        before = lineage.of_decision(first.label_before, number)
        said = replace(opinion, label=before if label is None else label, decision=number)
        decided = found(first.action, lineage.of_decision(first.label_after, number))
        differs = opinion.action != "skip" and found(said.action, said.label) != decided
        edit = class_edits.latest(connection)
        opinions.record(connection, replace(said, differs=differs, class_edit=edit))
        # Whoever settles it shall not have to wait until this page asks for other images.
        leases.free(connection, opinion.item_id)
    return reason


def take_back(connection: Connection, undo: Opinion) -> str | None:
    """Take back the opinion that this one undoes; return None, or why it was refused."""
    made = opinions.get(connection, undo.undoes or "")
    if made is None or made.item_id != undo.item_id or made.reviewer != undo.reviewer:
        return "There is no such opinion of yours to take back."
    if opinions.is_undone(connection, made.op_id):
        return "That opinion was taken back before."
    edit = class_edits.latest(connection)
    taken = replace(undo, label=made.label, decision=made.decision, class_edit=edit)
    opinions.record(connection, taken)
    return None


def _refusal(connection: Connection, opinion: Opinion, first: Decision, number: int) -> str | None:
    if not opinion.reviewer:
        return "A second opinion needs a name, so that it can be told from the first."
    if first.reviewer in ("", FOLDER_REVIEWER):
        return "Nobody knows who has decided about it, so nobody can be another person."
    if opinion.reviewer == first.reviewer:
        return "You have decided about this image yourself; a second opinion is somebody else's."
    stands = connection.scalar(select(items.c.decision).where(items.c.item_id == first.item_id))
    if stands != number:
        return "What you were asked about was decided anew; your opinion was not recorded."
    before = opinions.answer(connection, number)
    if before is not None:
        return f"{shown_path(before.reviewer)} has given a second opinion meanwhile."
    return None


@dataclass(frozen=True, slots=True)
class Compared:
    """What somebody who has given an opinion may know then.

    Attributes:
        op_id: of the opinion.
        differs: whether the decision says something else.
        told: who decided what, in words.
    """

    op_id: str
    differs: bool
    told: str


def compared(connection: Connection, given: Sequence[tuple[str, str]]) -> list[Compared]:
    """Return how opinions compare, each named by its own op_id and that of the decision."""
    found_ones = []
    for op_id, about in given:
        opinion, first = opinions.get(connection, op_id), decisions.get(connection, about)
        if opinion is None or first is None or opinion.action in ("undo", "skip"):
            continue
        found_ones.append(Compared(op_id, opinion.differs, deed(first)))
    return found_ones
