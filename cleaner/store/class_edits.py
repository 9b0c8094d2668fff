"""The append-only log of edits of the classes, and the labels that follow from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, exists, func, insert, select, update

from cleaner.class_edits import ClassEdit, Lineage
from cleaner.store.tables import class_edits, decisions, items, rounds

_COLUMNS = [class_edits.c[name] for name in ClassEdit.__slots__]
_ALL = select(*_COLUMNS).order_by(class_edits.c.edit_id)
_LATEST = select(func.max(class_edits.c.edit_id))


def lineage(connection: Connection) -> Lineage:
    """Return what became of the names of classes."""
    return Lineage([ClassEdit(*row) for row in connection.execute(_ALL)])


def latest(connection: Connection) -> int:
    """Return the number of the latest edit, or 0."""
    return connection.scalar(_LATEST) or 0


def record(connection: Connection, edit: ClassEdit) -> None:
    """Append an edit; its number is the next one, whatever it says."""
    values = asdict(edit)
    del values["edit_id"]
    connection.execute(insert(class_edits).values(values))


def place(connection: Connection) -> dict[str, Any]:
    """Return where in the log of decisions, the catalogue and the rounds an edit would be."""
    latest_of = (decisions.c.sequence, items.c.item_id, rounds.c.round_id)
    names = ("after_decision", "after_item", "round_id")
    found = {
        name: connection.scalar(select(func.max(column)))
        for name, column in zip(names, latest_of, strict=True)
    }
    return found | {name: found[name] or 0 for name in names[:2]}


def relabel(connection: Connection, old: str, new: str) -> int:
    """Give all images of one class another current label; return how many."""
    found = connection.execute(
        update(items).where(items.c.current_label == old).values(current_label=new)
    )
    return found.rowcount


def relabel_items(connection: Connection, labels: dict[int, str]) -> None:
    """Give these images their current labels."""
    for item_id, label in labels.items():
        connection.execute(
            update(items).where(items.c.item_id == item_id).values(current_label=label)
        )


def labelled(connection: Connection, label: str) -> Iterator[tuple[int, str, str]]:
    """Yield number, given and current label of each image of a class."""
    columns = (items.c.item_id, items.c.given_label, items.c.current_label)
    for row in connection.execute(select(*columns).where(items.c.current_label == label)).all():
        yield row[0], row[1], row[2]


def label_givers(connection: Connection, label: str) -> dict[int, tuple[str, int]]:
    """Return label and number of the decision that gave each image of a class its label.

    An image of which none stands has the label it came with.
    """
    undo = decisions.alias("undo")
    rows = connection.execute(
        select(decisions.c.item_id, decisions.c.label_after, decisions.c.sequence)
        .join(items, items.c.item_id == decisions.c.item_id)
        .where(
            items.c.current_label == label,
            decisions.c.action.in_(("accept", "move")),
            ~exists().where(undo.c.undoes == decisions.c.op_id, undo.c.action == "undo"),
        )
        .order_by(decisions.c.sequence)
    )
    return {row.item_id: (row.label_after, row.sequence) for row in rows}
