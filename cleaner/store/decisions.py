"""The append-only log of decisions, and the state of each image that follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Select, and_, func, insert, not_, select, update

from cleaner.decisions import FOLDER_REVIEWER, STATUS_AFTER, Decision
from cleaner.store.tables import decisions, items, rounds, scores

_COLUMNS = [decisions.c[name] for name in Decision.__slots__]
UNDONE = select(decisions.c.undoes).where(decisions.c.undoes.is_not(None))


def known_ops(connection: Connection, op_ids: Sequence[str]) -> set[str]:
    """Return which of these decisions have arrived before."""
    return set(
        connection.scalars(select(decisions.c.op_id).where(decisions.c.op_id.in_(list(op_ids))))
    )


def record(connection: Connection, decision: Decision) -> None:
    """Append one decision and bring its image up to date, in the caller's transaction."""
    connection.execute(insert(decisions).values(**asdict(decision)))
    status, position = _state_after(connection, decision)
    connection.execute(
        update(items)
        .where(items.c.item_id == decision.item_id)
        .values(current_label=decision.label_after, status=status, queue_position=position)
    )


def _state_after(connection: Connection, decision: Decision) -> tuple[str, int | None]:
    if decision.action != "undo":
        return STATUS_AFTER[decision.action], None
    earlier = of_item(connection, decision.item_id)
    if earlier and not _is_stale_skip(connection, earlier[0]):
        return STATUS_AFTER[earlier[0].action], None
    return "unreviewed", _rank_if_flagged(connection, decision.item_id)


def requeue(connection: Connection, item_id: int) -> None:
    """Put an image that was missing for a while back into its place in the queue."""
    connection.execute(
        update(items)
        .where(items.c.item_id == item_id, items.c.status == "unreviewed")
        .values(queue_position=_rank_if_flagged(connection, item_id))
    )


def _is_stale_skip(connection: Connection, decision: Decision) -> bool:
    """Tell whether it skipped an image in an earlier round; the new round asks again."""
    latest = connection.scalar(select(func.max(rounds.c.round_id)))
    return decision.action == "skip" and decision.round_id != latest


def _rank_if_flagged(connection: Connection, item_id: int) -> int | None:
    latest = select(func.max(rounds.c.round_id)).scalar_subquery()
    return connection.scalar(
        select(scores.c.position).where(
            scores.c.round_id == latest, scores.c.item_id == item_id, scores.c.flagged
        )
    )


def get(connection: Connection, op_id: str) -> Decision | None:
    """Return the decision with this op_id."""
    return _first(connection, select(*_COLUMNS).where(decisions.c.op_id == op_id))


def is_undone(connection: Connection, op_id: str) -> bool:
    """Tell whether a later entry took this decision back."""
    return connection.scalar(select(func.count()).where(decisions.c.undoes == op_id)) != 0


def of_item(connection: Connection, item_id: int) -> list[Decision]:
    """Return the image's decisions that were not taken back, the latest first."""
    statement = _standing().where(decisions.c.item_id == item_id)
    return [Decision(*row) for row in connection.execute(statement)]


def standing(
    connection: Connection, *, limit: int | None = None, round_id: int | None = None
) -> list[Decision]:
    """Return what people decided here and did not take back, the latest first.

    Files moved by hand are not among it: nobody pressed a key that an undo could take back.
    """
    statement = _standing().where(decisions.c.reviewer != FOLDER_REVIEWER)
    if round_id is not None:
        statement = statement.where(decisions.c.round_id == round_id)
    return [Decision(*row) for row in connection.execute(statement.limit(limit))]


def _standing() -> Select[Any]:
    is_standing = and_(decisions.c.action != "undo", not_(decisions.c.op_id.in_(UNDONE)))
    return select(*_COLUMNS).where(is_standing).order_by(decisions.c.sequence.desc())


def history(connection: Connection, *, limit: int | None = None) -> list[Decision]:
    """Return the whole log, undos included, the latest first."""
    statement = select(*_COLUMNS).order_by(decisions.c.sequence.desc()).limit(limit)
    return [Decision(*row) for row in connection.execute(statement)]


def latest_sequence(connection: Connection) -> int:
    """Return the number of the latest entry of the log, or 0."""
    return connection.scalar(select(func.max(decisions.c.sequence))) or 0


def changed_since(connection: Connection, sequence: int) -> dict[int, str | None]:
    """Return the current label of each image that was decided about behind this entry.

    None stands for an image that is excluded now.
    """
    decided = select(decisions.c.item_id).where(decisions.c.sequence > sequence)
    rows = connection.execute(
        select(items.c.item_id, items.c.current_label, items.c.status).where(
            items.c.item_id.in_(decided)
        )
    )
    return {row[0]: None if row[2] == "excluded" else row[1] for row in rows}


def status_counts(connection: Connection) -> dict[str, int]:
    """Return how many images have each status."""
    rows = connection.execute(
        select(items.c.status, func.count()).where(items.c.present).group_by(items.c.status)
    )
    counts = dict.fromkeys(("unreviewed", *STATUS_AFTER.values()), 0)
    return counts | {row[0]: row[1] for row in rows}


def _first(connection: Connection, statement: Select[Any]) -> Decision | None:
    row = connection.execute(statement).first()
    return None if row is None else Decision(*row)
