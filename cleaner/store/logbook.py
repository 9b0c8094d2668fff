"""The log of decisions in pages, and what an undo of much of it would take back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import takewhile
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, func, select
from sqlalchemy.sql.selectable import FromClause

from cleaner.decisions import FOLDER_REVIEWER, Decision
from cleaner.errors import UndoRefused
from cleaner.items import shown_path
from cleaner.logbook import Entry, Standing, Wanted
from cleaner.store import catalogue
from cleaner.store.decisions import is_undone, of_item
from cleaner.store.tables import LARGEST_NUMBER, decisions, items, moves

_DECISION = [decisions.c[name] for name in Decision.__slots__]


def page(
    connection: Connection, wanted: Wanted, *, before: int | None = None, limit: int | None = None
) -> list[Entry]:
    """Return the wanted entries in front of entry number `before`, the latest first."""
    later = decisions.alias("later")
    built_on = (
        select(func.count())
        .select_from(later)
        .where(
            later.c.item_id == decisions.c.item_id,
            later.c.sequence > decisions.c.sequence,
            _stands(later),
        )
    )
    statement = (
        select(
            decisions.c.sequence,
            items.c.path,
            items.c.content_hash,
            _is_undone(decisions).label("is_undone"),
            built_on.scalar_subquery().label("later"),
            *_DECISION,
        )
        .join(items, items.c.item_id == decisions.c.item_id)
        .where(*_conditions(wanted))
        .order_by(decisions.c.sequence.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(decisions.c.sequence < min(before, LARGEST_NUMBER))
    return [_entry(row) for row in connection.execute(statement)]


def count(connection: Connection, wanted: Wanted) -> int:
    """Return how many entries are wanted."""
    statement = select(func.count()).select_from(decisions)
    if wanted.file is not None:
        statement = statement.join(items, items.c.item_id == decisions.c.item_id)
    return connection.scalar(statement.where(*_conditions(wanted))) or 0


def reviewers(connection: Connection) -> list[str]:
    """Return everybody who decided something, in the order of the alphabet."""
    # One look into an index for each of them; pages ask this often, and the log is long.
    found: list[str] = []
    first = select(func.min(decisions.c.reviewer))
    name: str | None = connection.scalar(first)
    while name is not None:
        found.append(name)
        name = connection.scalar(first.where(decisions.c.reviewer > name))
    return sorted(found)


def standing(connection: Connection, round_id: int | None = None) -> Standing:
    """Return what an undo of a round, or of everything, would take back."""
    chosen = [_stands(decisions), decisions.c.reviewer != FOLDER_REVIEWER]
    if round_id is not None:
        chosen.append(decisions.c.round_id == round_id)
    by_action = select(decisions.c.action, func.count()).where(*chosen)
    actions = {row[0]: row[1] for row in connection.execute(by_action.group_by(decisions.c.action))}
    concerned = select(decisions.c.item_id).where(*chosen)
    moved = select(func.count(func.distinct(moves.c.item_id))).where(
        moves.c.state == "done", moves.c.item_id.in_(concerned)
    )
    return Standing(
        decisions=sum(actions.values()),
        actions=actions,
        files=connection.scalar(moved) or 0,
        built_on=0 if round_id is None else _built_on(connection, round_id),
    )


def undoable(connection: Connection, op_ids: Sequence[str]) -> list[Decision]:
    """Return these decisions in the order in which they can be undone, the latest first.

    Raises:
        UndoRefused: one of them cannot be taken back, or not without others.
    """
    named = [_named(connection, op_id) for op_id in dict.fromkeys(op_ids)]
    together = {entry.op_id for _, entry in named}
    for _, entry in named:
        later = chain(connection, entry)[:-1]
        if any(one.op_id not in together for one in later):
            raise UndoRefused(_refusal(connection, later))
    return [entry for _, entry in sorted(named, key=itemgetter(0), reverse=True)]


def chain(connection: Connection, decision: Decision) -> list[Decision]:
    """Return what stands of an image's decisions down to this one, the latest first."""
    standing_ones = of_item(connection, decision.item_id)
    return [*takewhile(lambda one: one.op_id != decision.op_id, standing_ones), decision]


def _named(connection: Connection, op_id: str) -> tuple[int, Decision]:
    statement = select(decisions.c.sequence, *_DECISION).where(decisions.c.op_id == op_id)
    row = connection.execute(statement).first()
    if row is None:
        raise UndoRefused(f"No decision has the id {op_id!r}. `history` lists them.")
    entry = Decision(*row[1:])
    if entry.action == "undo":
        raise UndoRefused(f"{op_id}: an undo is not taken back; decide again instead.")
    if is_undone(connection, entry.op_id):
        raise UndoRefused(f"{op_id}: that decision was undone before.")
    return row[0], entry


def _refusal(connection: Connection, later: Sequence[Decision]) -> str:
    latest = later[0]
    item = catalogue.item(connection, latest.item_id)
    path = shown_path(item.path) if item else f"Image {latest.item_id}"
    times = "once" if len(later) == 1 else f"{len(later)} times"
    who = f" by {latest.reviewer}" if latest.reviewer else ""
    return (
        f"{path}: decided {times} more since, at last {latest.action}{who} "
        f"({latest.decided_at[:16].replace('T', ' ')} UTC). Take the later ones back first, or "
        f"with it: {', '.join(one.op_id for one in later)}."
    )


def _built_on(connection: Connection, round_id: int) -> int:
    later = decisions.alias("later")
    decided_again = exists().where(
        later.c.item_id == decisions.c.item_id,
        later.c.sequence > decisions.c.sequence,
        later.c.round_id.is_distinct_from(round_id),
        later.c.action.in_(("accept", "move", "exclude")),
        _stands(later),
    )
    statement = select(func.count(func.distinct(decisions.c.item_id))).where(
        decisions.c.round_id == round_id, _stands(decisions), decided_again
    )
    return connection.scalar(statement) or 0


def _is_undone(entry: FromClause) -> ColumnElement[bool]:
    undo = decisions.alias()
    return exists().where(undo.c.undoes == entry.c.op_id)


def _stands(entry: FromClause) -> ColumnElement[bool]:
    return and_(entry.c.action != "undo", ~_is_undone(entry))


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    asked = {name: getattr(wanted, name) for name in _CONDITIONS}
    return [_CONDITIONS[name](value) for name, value in asked.items() if value is not None]


_LOG = decisions.c
_CONDITIONS: dict[str, Callable[[Any], ColumnElement[bool]]] = {
    "reviewer": lambda name: _LOG.reviewer == name,
    "action": lambda action: _LOG.action == action,
    "label": lambda label: (_LOG.label_before == label) | (_LOG.label_after == label),
    "file": catalogue.path_holds,
    "since": lambda moment: _LOG.decided_at >= moment,
    "until": lambda moment: _LOG.decided_at < moment,
    "round_id": lambda number: _LOG.round_id == number,
}


def _entry(row: Any) -> Entry:
    decision = Decision(**{name: getattr(row, name) for name in Decision.__slots__})
    return Entry(
        sequence=row.sequence,
        decision=decision,
        path=row.path,
        content_hash=row.content_hash,
        is_undone=bool(row.is_undone),
        later=row.later,
    )
