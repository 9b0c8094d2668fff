"""Which decisions a second person is asked about, and the append-only log of what they say."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    ScalarSelect,
    Select,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
)

from cleaner.class_edits import Lineage
from cleaner.decisions import FOLDER_REVIEWER, UNRANKED, Opinion, ReviewItem, found
from cleaner.items import Status
from cleaner.raters import Twice
from cleaner.store import class_edits
from cleaner.store.bulk import add_rows
from cleaner.store.tables import decisions, items, opinions, questions, written

_COLUMNS = [opinions.c[name] for name in Opinion.__slots__]
_UNDO = opinions.alias("undo")
_STANDS = and_(opinions.c.action != "undo", ~exists().where(_UNDO.c.undoes == opinions.c.op_id))
# Whoever skips leaves the image to somebody else.
_ANSWERS = and_(_STANDS, opinions.c.action != "skip")
# A move gives a file such a number where its name was taken.
_ANOTHER = re.compile(r"~\d+(?=(\.[^.]*)?$)")
_OF_DECISION = items.join(decisions, decisions.c.sequence == items.c.decision)


# -- asking ------------------------------------------------------------------------------


def to_ask(connection: Connection, statuses: Collection[Status]) -> list[tuple[int, int]]:
    """Return number and decision of each image of these statuses that nobody was asked about.

    Who decided without a name cannot be told from others, so those are left out.
    """
    asked = exists().where(
        questions.c.item_id == items.c.item_id, questions.c.decision == items.c.decision
    )
    answered = exists().where(opinions.c.decision == items.c.decision, _ANSWERS)
    statement = (
        select(items.c.item_id, items.c.decision)
        .select_from(_OF_DECISION)
        .where(items.c.present, items.c.status.in_(statuses), ~asked, ~answered)
        .where(decisions.c.reviewer.not_in(("", FOLDER_REVIEWER)))
        .order_by(items.c.item_id)
    )
    return [(row.item_id, row.decision) for row in connection.execute(statement)]


def ask(
    connection: Connection, about: Sequence[tuple[int, int]], *, asker: str, asked_at: str
) -> None:
    """Ask for a second opinion on these images, each with the number of its decision."""
    for item_id, _decision in about:  # a question about an earlier decision has lapsed
        connection.execute(delete(questions).where(questions.c.item_id == item_id))
    rows = [
        {"item_id": item_id, "decision": decision, "asker": asker, "asked_at": asked_at}
        for item_id, decision in about
    ]
    add_rows(connection, questions, rows)


def withdraw(connection: Connection) -> int:
    """Ask about nothing any more; return how many images still waited for an opinion."""
    left = waiting_count(connection)
    connection.execute(delete(questions))
    return left


def waiting_count(connection: Connection, reviewer: str | None = None) -> int:
    """Return how many images wait for an opinion, of anybody or of this person."""
    return connection.scalar(_waiting(reviewer, func.count())) or 0


def waiting(connection: Connection, reviewer: str, *, limit: int) -> list[ReviewItem]:
    """Return images that wait for this person's opinion, as `shown` has them."""
    statement = _waiting(reviewer, items.c.item_id).order_by(
        questions.c.asked_at, questions.c.item_id
    )
    return shown(connection, list(connection.scalars(statement.limit(limit))))


def _waiting(reviewer: str | None, *columns: Any) -> Select[Any]:
    heard = _ANSWERS if reviewer is None else _settles_for(reviewer)
    statement = (
        select(*columns)
        .select_from(questions.join(_OF_DECISION, questions.c.item_id == items.c.item_id))
        .where(questions.c.decision == items.c.decision, items.c.present)
        .where(~exists().where(opinions.c.decision == items.c.decision, heard))
    )
    if reviewer is not None:
        statement = statement.where(decisions.c.reviewer != written(reviewer))
    return statement


def _settles_for(reviewer: str) -> ColumnElement[bool]:
    return or_(_ANSWERS, and_(_STANDS, opinions.c.reviewer == reviewer))


def shown(connection: Connection, item_ids: Sequence[int]) -> list[ReviewItem]:
    """Return images as they were before the decision that stands, in this order.

    Of the path only the file's name is left: the folder may be that of the decision. There is
    nothing of the model in it.
    """
    statement = select(items, decisions.c.label_before, decisions.c.sequence).select_from(
        _OF_DECISION
    )
    rows = connection.execute(statement.where(items.c.item_id.in_(item_ids)))
    lineage = class_edits.lineage(connection)
    known = {row.item_id: _as_before(row, lineage) for row in rows}
    return [known[item_id] for item_id in item_ids if item_id in known]


def _as_before(row: Any, lineage: Lineage) -> ReviewItem:
    label = lineage.of_decision(row.label_before, row.sequence)
    return ReviewItem(
        item_id=row.item_id,
        path=_ANOTHER.sub("", row.path.rsplit("/", 1)[-1]),
        split=row.split,
        width=row.width,
        height=row.height,
        given_label=lineage.of_item(row.given_label, row.item_id),
        current_label=label,
        suggested_label=label,
        status="unreviewed",
        **UNRANKED | {"flagged": True, "reasons": ()},
    )


# -- the log -----------------------------------------------------------------------------


def known_ops(connection: Connection, op_ids: Sequence[str]) -> set[str]:
    """Return which of these opinions have arrived before."""
    statement = select(opinions.c.op_id).where(opinions.c.op_id.in_(op_ids))
    arrived = set(connection.scalars(statement))
    return {op_id for op_id in op_ids if written(op_id) in arrived}


def record(connection: Connection, opinion: Opinion) -> None:
    """Append an opinion, in the caller's transaction."""
    connection.execute(insert(opinions), asdict(opinion))


def get(connection: Connection, op_id: str) -> Opinion | None:
    """Return the opinion with this op_id."""
    row = connection.execute(select(*_COLUMNS).where(opinions.c.op_id == op_id)).first()
    return None if row is None else Opinion(*row)


def is_undone(connection: Connection, op_id: str) -> bool:
    """Tell whether a later entry took this opinion back."""
    return connection.scalar(select(func.count()).where(opinions.c.undoes == op_id)) != 0


def standing(connection: Connection, reviewer: str, *, limit: int) -> list[Opinion]:
    """Return what a person said and did not take back, skips included, the latest first."""
    statement = (
        select(*_COLUMNS)
        .where(_STANDS, opinions.c.reviewer == reviewer)
        .order_by(opinions.c.sequence.desc())
    )
    return [Opinion(*row) for row in connection.execute(statement.limit(limit))]


def answer(connection: Connection, decision: int) -> Opinion | None:
    """Return the second opinion on the decision with this number."""
    statement = select(*_COLUMNS).where(_ANSWERS, opinions.c.decision == decision)
    row = connection.execute(statement.order_by(opinions.c.sequence)).first()
    return None if row is None else Opinion(*row)


def about(connection: Connection, item_ids: Collection[int]) -> dict[int, list[Opinion]]:
    """Return the opinions on the decisions that stand, of each image of which there are any."""
    told: dict[int, list[Opinion]] = {}
    statement = (
        select(*_COLUMNS)
        .join(items, items.c.decision == opinions.c.decision)
        .where(_ANSWERS, items.c.item_id.in_(item_ids))
        .order_by(opinions.c.sequence)
    )
    for row in connection.execute(statement):
        told.setdefault(row.item_id, []).append(Opinion(*row))
    return told


# -- what follows ------------------------------------------------------------------------


def disputed() -> ScalarSelect[int]:
    """Return a query for the images of which somebody says otherwise than the decision does.

    Whatever is decided about such an image next settles it.
    """
    statement = (
        select(items.c.item_id)
        .join(opinions, opinions.c.decision == items.c.decision)
        .where(_ANSWERS, opinions.c.differs, items.c.present)
    )
    return statement.distinct().scalar_subquery()


def disputed_count(connection: Connection) -> int:
    """Return how many images there are of which somebody says otherwise."""
    counted = select(func.count()).where(items.c.item_id.in_(disputed()))
    return connection.scalar(counted) or 0


def judged_twice(connection: Connection) -> list[Twice]:
    """Return what both have said of each image with two opinions, in today's names.

    What was taken back since, decision or opinion, is not among it; what was settled is.
    """
    lineage = class_edits.lineage(connection)
    taken_back = decisions.alias("taken_back")
    statement = (
        select(
            decisions.c.reviewer.label("first"),
            decisions.c.action.label("decided"),
            decisions.c.label_after,
            decisions.c.sequence,
            opinions.c.reviewer,
            opinions.c.action,
            opinions.c.label,
            opinions.c.class_edit,
        )
        .join(opinions, opinions.c.decision == decisions.c.sequence)
        .where(_ANSWERS, ~exists().where(taken_back.c.undoes == decisions.c.op_id))
        .order_by(opinions.c.sequence)
    )
    return list(_judged(connection.execute(statement), lineage))


def _judged(rows: Iterable[Any], lineage: Lineage) -> Iterable[Twice]:
    for row in rows:
        yield Twice(
            first=row.first,
            first_says=found(row.decided, lineage.of_decision(row.label_after, row.sequence)),
            second=row.reviewer,
            second_says=found(row.action, lineage.since_edit(row.label, row.class_edit)),
        )
