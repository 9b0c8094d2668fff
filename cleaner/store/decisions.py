"""The append-only log of decisions, and the state of each image that follows from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    and_,
    bindparam,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from cleaner.decisions import FOLDER_REVIEWER, STATUS_AFTER, Decision
from cleaner.items import Status
from cleaner.store.tables import decisions, items, rounds, scores, written

_COLUMNS = [decisions.c[name] for name in Decision.__slots__]
# Columns of `rounds`, and the decisions that count there.
_COUNTED = {
    "reviewed": ("accept", "move", "exclude"),
    "relabelled": ("move",),
    "excluded": ("exclude",),
}
_MOST_IN_A_STATEMENT = 10_000  # databases take so many values and not many more


def _standing() -> Select[Any]:
    undo = decisions.alias("undo")
    is_undone = exists().where(undo.c.undoes == decisions.c.op_id)
    return (
        select(*_COLUMNS)
        .where(decisions.c.action != "undo", ~is_undone)
        .order_by(decisions.c.sequence.desc())
    )


# Built once: a decision holds up whoever decides next, and building takes as long as asking.
_OF_ITEM = _standing().where(decisions.c.item_id == bindparam("decided_item"))
_APPEND = insert(decisions)
_SET_STATE = (
    update(items)
    .where(items.c.item_id == bindparam("decided_item"))
    .values(
        current_label=bindparam("label"),
        status=bindparam("new_status"),
        queue_position=bindparam("place"),
        decision=select(decisions.c.sequence)
        .where(decisions.c.op_id == bindparam("given_by"))
        .scalar_subquery(),
    )
)


def known_ops(connection: Connection, op_ids: Sequence[str]) -> set[str]:
    """Return which of these decisions have arrived before."""
    found: set[str] = set()
    for start in range(0, len(op_ids), _MOST_IN_A_STATEMENT):
        some = list(op_ids[start : start + _MOST_IN_A_STATEMENT])
        found |= set(
            connection.scalars(select(decisions.c.op_id).where(decisions.c.op_id.in_(some)))
        )
    return {op_id for op_id in op_ids if written(op_id) in found}


def record(connection: Connection, decision: Decision) -> None:
    """Append one decision and bring its image up to date, in the caller's transaction."""
    before = of_item(connection, decision.item_id)
    connection.execute(_APPEND, asdict(decision))
    after = _with(before, decision)
    state = _state_after(connection, decision, after) | {"label": decision.label_after}
    connection.execute(_SET_STATE, {"decided_item": decision.item_id} | state)
    _count(connection, before, after)


def _with(standing: list[Decision], decision: Decision) -> list[Decision]:
    """Return what stands of an image's decisions after one more, the latest first."""
    if decision.action == "undo":
        return [earlier for earlier in standing if earlier.op_id != decision.undoes]
    return [decision, *standing]


def _state_after(
    connection: Connection, decision: Decision, standing: list[Decision]
) -> dict[str, Any]:
    if decision.action == "undo" and (not standing or _is_stale_skip(connection, standing[0])):
        place = _rank_if_flagged(connection, decision.item_id)
        return {"new_status": "unreviewed", "place": place, "given_by": None}
    latest = standing[0]
    return {"new_status": STATUS_AFTER[latest.action], "place": None, "given_by": latest.op_id}


def _count(connection: Connection, before: list[Decision], after: list[Decision]) -> None:
    """Keep the numbers of each round in step with the log, which is too long to count anew."""
    changed = _tally(after)
    changed.subtract(_tally(before))
    for (round_id, column), change in changed.items():
        if change:
            connection.execute(
                update(rounds)
                .where(rounds.c.round_id == round_id)
                .values({column: rounds.c[column] + change})
            )


def _tally(standing: list[Decision]) -> Counter[tuple[int, str]]:
    """Return 1 for each number of each round in which one image counts."""
    return Counter(
        {
            (decision.round_id, column): 1
            for decision in standing
            for column, actions in _COUNTED.items()
            if decision.round_id is not None and decision.action in actions
        }
    )


def requeue(connection: Connection, item_id: int) -> None:
    """Put an image that was missing for a while back into its place in the queue."""
    connection.execute(
        update(items)
        .where(items.c.item_id == item_id, items.c.status == "unreviewed")
        .values(queue_position=_rank_if_flagged(connection, item_id))
    )


def _is_stale_skip(connection: Connection, decision: Decision) -> bool:
    """Tell whether it skipped an image in an earlier round; the new round asks again."""
    latest = connection.scalar(select(func.max(rounds.c.round_id)).where(rounds.c.ready))
    return decision.action == "skip" and decision.round_id != latest


def _rank_if_flagged(connection: Connection, item_id: int) -> int | None:
    latest = select(func.max(rounds.c.round_id)).where(rounds.c.ready).scalar_subquery()
    return connection.scalar(
        select(scores.c.position).where(
            scores.c.round_id == latest, scores.c.item_id == item_id, scores.c.flagged
        )
    )


def get(connection: Connection, op_id: str) -> Decision | None:
    """Return the decision with this op_id."""
    return _first(connection, select(*_COLUMNS).where(decisions.c.op_id == op_id))


def sequence_of(connection: Connection, op_id: str) -> int:
    """Return the number of the decision with this op_id, or 0."""
    found = connection.scalar(select(decisions.c.sequence).where(decisions.c.op_id == op_id))
    return found or 0


def is_undone(connection: Connection, op_id: str) -> bool:
    """Tell whether a later entry took this decision back."""
    return connection.scalar(select(func.count()).where(decisions.c.undoes == op_id)) != 0


def of_item(connection: Connection, item_id: int) -> list[Decision]:
    """Return the image's decisions that were not taken back, the latest first."""
    rows = connection.execute(_OF_ITEM, {"decided_item": item_id})
    return [Decision(*row) for row in rows]


def latest_of(connection: Connection, item_ids: Collection[int]) -> dict[int, str]:
    """Return the op_id of the latest decision that stands, of each image that has one."""
    statement = _standing().where(decisions.c.item_id.in_(item_ids)).order_by(None)
    rows = connection.execute(statement.order_by(decisions.c.sequence))
    return {row.item_id: row.op_id for row in rows}


def standing(
    connection: Connection,
    *,
    limit: int | None = None,
    round_id: int | None = None,
    reviewer: str | None = None,
) -> list[Decision]:
    """Return what people, or one of them, decided here and did not take back, the latest first.

    Files moved by hand are not among it: nobody pressed a key that an undo could take back.
    """
    statement = _standing().where(decisions.c.reviewer != FOLDER_REVIEWER)
    if reviewer is not None:
        statement = statement.where(decisions.c.reviewer == reviewer)
    if round_id is not None:
        statement = statement.where(decisions.c.round_id == round_id)
    return [Decision(*row) for row in connection.execute(statement.limit(limit))]


def redoable(connection: Connection, reviewer: str, undo: str) -> Decision | None:
    """Return what this undo took back, if it is the reviewer's own and can be made good.

    It can be until the image is decided about anew, by a redo or otherwise. Going on taking back
    what was decided about the same image before is no such thing: redos follow in turn.
    """
    statement = _redoable(reviewer).where(_UNDO.c.op_id == undo)
    row = connection.execute(statement).first()
    return None if row is None else Decision(*row[1:])


def undone(connection: Connection, reviewer: str, *, limit: int) -> list[tuple[str, Decision]]:
    """Return what a reviewer took back since their latest decision: what redos bring back.

    Each is the op_id of the undo and what it took back, in the order in which redos take them.
    The log needs no other stack: a redo names its undo, so that both are out of it.
    """
    latest = (
        select(decisions.c.sequence)
        .where(decisions.c.reviewer == reviewer, _IS_NEW)
        .order_by(decisions.c.sequence.desc())
        .limit(1)
    )
    statement = (
        _redoable(reviewer)
        .where(_UNDO.c.sequence > func.coalesce(latest.scalar_subquery(), 0))
        .order_by(_UNDO.c.sequence.desc())
    )
    rows = connection.execute(statement.limit(limit))
    return [(row[0], Decision(*row[1:])) for row in rows]


_UNDO = decisions.alias("undo")
# Neither takes something back nor brings it back.
_IS_NEW = and_(decisions.c.action != "undo", decisions.c.undoes.is_(None))


def _redoable(reviewer: str) -> Select[Any]:
    made = decisions.alias("made")
    follows = exists().where(
        decisions.c.item_id == _UNDO.c.item_id,
        decisions.c.sequence > _UNDO.c.sequence,
        or_(decisions.c.undoes == _UNDO.c.op_id, decisions.c.reviewer != reviewer, _IS_NEW),
    )
    return (
        select(_UNDO.c.op_id, *(made.c[name] for name in Decision.__slots__))
        .join(made, made.c.op_id == _UNDO.c.undoes)
        .where(_UNDO.c.action == "undo", _UNDO.c.reviewer == reviewer, ~follows)
    )


def history(connection: Connection, *, limit: int | None = None) -> list[Decision]:
    """Return the whole log, undos included, the latest first."""
    statement = select(*_COLUMNS).order_by(decisions.c.sequence.desc()).limit(limit)
    return [Decision(*row) for row in connection.execute(statement)]


def latest_sequence(connection: Connection) -> int:
    """Return the number of the latest entry of the log, or 0."""
    return connection.scalar(select(func.max(decisions.c.sequence))) or 0


def made_in_latest_round(connection: Connection, *, among: int) -> int:
    """Return how many of the last so many entries of the log were made in the latest round."""
    last = select(decisions.c.round_id).order_by(decisions.c.sequence.desc()).limit(among)
    newest = connection.scalar(select(func.max(rounds.c.round_id)).where(rounds.c.ready))
    return sum(number == newest for number in connection.scalars(last))


def changed_since(connection: Connection, sequence: int) -> list[tuple[int, str, Status]]:
    """Return id, current label and status of each image decided about behind this entry."""
    decided = select(decisions.c.item_id).where(decisions.c.sequence > sequence)
    rows = connection.execute(
        select(items.c.item_id, items.c.current_label, items.c.status).where(
            items.c.item_id.in_(decided)
        )
    )
    return [(row.item_id, row.current_label, row.status) for row in rows]


def _first(connection: Connection, statement: Select[Any]) -> Decision | None:
    row = connection.execute(statement).first()
    return None if row is None else Decision(*row)
