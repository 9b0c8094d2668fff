"""The images that are known, and their classes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Text,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    type_coerce,
    update,
)

from cleaner.items import Item, ScannedFile, Split, Status
from cleaner.store.bulk import add_rows
from cleaner.store.tables import LARGEST_NUMBER, class_edits, classes, facts, items, moves

# The usual one, a slash, is in every path.
_ESCAPE = "\\"

ITEM_COLUMNS = [items.c[name] for name in Item.__slots__]
# Built once: they are asked for at every decision.
_ITEM = select(*ITEM_COLUMNS).where(items.c.item_id == bindparam("number"))
_CLASS_NAMES = select(classes.c.name).order_by(classes.c.position)


@dataclass(frozen=True, slots=True)
class KnownFile:
    """An item with all that a scan compares a file with."""

    item_id: int
    file: ScannedFile
    group_id: int
    given_label: str
    current_label: str
    split: Split
    status: Status
    present: bool


def all_items(connection: Connection) -> tuple[Item, ...]:
    """Return every image that is there, in the order of item_id; quarantined ones too."""
    rows = connection.execute(
        select(*ITEM_COLUMNS).where(items.c.present).order_by(items.c.item_id)
    )
    return tuple(Item(*row) for row in rows)


def item(connection: Connection, item_id: int) -> Item | None:
    """Return one image by its number, also one that a scan no longer finds."""
    if not 0 <= item_id <= LARGEST_NUMBER:
        return None
    row = connection.execute(_ITEM, {"number": item_id}).first()
    return None if row is None else Item(*row)


def some_items(connection: Connection, item_ids: Sequence[int]) -> tuple[Item, ...]:
    """Return those of a few images that are there, in the order of item_id."""
    rows = connection.execute(
        select(*ITEM_COLUMNS)
        .where(items.c.item_id.in_(list(item_ids)), items.c.present)
        .order_by(items.c.item_id)
    )
    return tuple(Item(*row) for row in rows)


def last_item_id(connection: Connection) -> int:
    """Return the largest number of an image, or 0."""
    return connection.scalar(select(func.max(items.c.item_id))) or 0


def item_at(connection: Connection, path: str) -> Item | None:
    """Return the image that lies at `path` in the dataset folder now."""
    row = connection.execute(
        select(*ITEM_COLUMNS).where(items.c.path == path, items.c.present, ~items.c.quarantined)
    ).first()
    return None if row is None else Item(*row)


def to_move(connection: Connection) -> tuple[Item, ...]:
    """Return the images that a plan of moves is about.

    Those that lie elsewhere than label and status say, and those that were moved before: they
    may get their own name back.
    """
    was_moved = select(moves.c.item_id).where(moves.c.state == "done")
    either = select(items.c.item_id).where(items.c.misplaced).union(was_moved)
    rows = connection.execute(
        select(*ITEM_COLUMNS)
        .where(items.c.present, items.c.item_id.in_(either))
        .order_by(items.c.item_id)
    )
    return tuple(Item(*row) for row in rows)


def path_holds(text: str) -> ColumnElement[bool]:
    """Return the condition that a text is somewhere in an image's path, large or small letters."""
    # As the column holds it, in which a byte that is not UTF-8 is written.
    path = func.lower(type_coerce(items.c.path, Text))
    # And in which an address has more slashes.
    texts = {text.lower(), text.lower().replace("//", "///2f")}
    return or_(*(path.contains(one, autoescape=True, escape=_ESCAPE) for one in sorted(texts)))


def misplaced(connection: Connection) -> int:
    """Return how many images lie elsewhere than their label and status say."""
    return connection.scalar(select(func.count()).where(items.c.misplaced)) or 0


def gone(connection: Connection) -> tuple[Item, ...]:
    """Return images that a scan no longer finds, unless another one is in their place."""
    found = items.alias()
    replaced = select(found.c.item_id).where(found.c.path == items.c.path, found.c.present)
    rows = connection.execute(
        select(*ITEM_COLUMNS).where(~items.c.present, ~replaced.exists()).order_by(items.c.item_id)
    )
    return tuple(Item(*row) for row in rows)


def misplaced_marks(connection: Connection) -> tuple[int, int, int, int]:
    """Return numbers that differ if other images lie elsewhere than they should, or otherwise.

    How many they are, the sums of their own numbers and of those of the decisions about them, and
    the latest edit of the classes.
    """
    numbers, decided = func.sum(items.c.item_id), func.sum(items.c.decision)
    row = connection.execute(select(func.count(), numbers, decided).where(items.c.misplaced)).one()
    edited = connection.scalar(select(func.max(class_edits.c.edit_id)))
    return int(row[0]), int(row[1] or 0), int(row[2] or 0), edited or 0


def labels(connection: Connection) -> Iterator[tuple[str, str, str, Status]]:
    """Yield content hash, given label, current label and status of every image that is there."""
    columns = (items.c.content_hash, items.c.given_label, items.c.current_label, items.c.status)
    for row in connection.execute(select(*columns).where(items.c.present)):
        yield row[0], row[1], row[2], row[3]


def known_files(connection: Connection) -> tuple[KnownFile, ...]:
    """Return what is known of every image outside the quarantine, there or not."""
    rows = connection.execute(select(items).where(~items.c.quarantined).order_by(items.c.item_id))
    return tuple(_known(row) for row in rows)


def _known(row: Any) -> KnownFile:
    file = ScannedFile(
        path=row.path,
        class_name=row.path.split("/", 1)[0],
        content_hash=row.content_hash,
        perceptual_hash=row.perceptual_hash,
        width=row.width,
        height=row.height,
        byte_size=row.byte_size,
        mtime_ns=row.mtime_ns,
        looks=row.looks,
    )
    return KnownFile(
        item_id=row.item_id,
        file=file,
        group_id=row.group_id,
        given_label=row.given_label,
        current_label=row.current_label,
        split=row.split,
        status=row.status,
        present=row.present,
    )


def looks(connection: Connection) -> dict[int, str]:
    """Return how every image that is there looks, as `cleaner.looks` reads it, by number."""
    rows = connection.execute(select(items.c.item_id, items.c.looks).where(items.c.present))
    return {row.item_id: row.looks for row in rows}


def add_items(connection: Connection, files: Sequence[tuple[ScannedFile, int, Split]]) -> None:
    """Add images never seen before, each with its duplicate group and split."""
    add_rows(connection, items, [_new_row(*entry) for entry in files])


def _new_row(file: ScannedFile, group_id: int, split: Split) -> dict[str, Any]:
    # Not by asdict, which copies each value: that was half of the work on this side of a server.
    row = {name: getattr(file, name) for name in ScannedFile.__slots__}
    label = row.pop("class_name")
    return row | {
        "given_label": label,
        "current_label": label,
        "group_id": group_id,
        "split": split,
        "status": "unreviewed",
        "quarantined": False,
        "present": True,
    }


def found_again(connection: Connection, files: Iterable[tuple[int, ScannedFile, int]]) -> None:
    """Note where known images lie now, and their duplicate group: (item_id, file, group_id)."""
    rows = [
        {
            "b_item_id": item_id,
            "path": file.path,
            "byte_size": file.byte_size,
            "mtime_ns": file.mtime_ns,
            "perceptual_hash": file.perceptual_hash,
            "looks": file.looks,
            "group_id": group_id,
            "present": True,
        }
        for item_id, file, group_id in files
    ]
    if rows:
        connection.execute(update(items).where(items.c.item_id == bindparam("b_item_id")), rows)


def mark_missing(connection: Connection, item_ids: Sequence[int]) -> None:
    """Note that files are gone; their decisions are kept for when they come back."""
    rows = [{"b_item_id": item_id} for item_id in item_ids]
    if rows:
        statement = update(items).where(items.c.item_id == bindparam("b_item_id"))
        connection.execute(statement.values(present=False, queue_position=None), rows)


def place_item(connection: Connection, item_id: int, path: str, *, quarantined: bool) -> None:
    """Note where a move has put an image."""
    connection.execute(
        update(items)
        .where(items.c.item_id == item_id)
        .values(path=path, quarantined=quarantined, present=True)
    )


def class_names(connection: Connection) -> tuple[str, ...]:
    """Return the classes in their order."""
    return tuple(connection.scalars(_CLASS_NAMES))


def labels_in_use(connection: Connection) -> set[str]:
    """Return the current labels of the images that are there."""
    return {label for _status, label in counts(connection)}


def set_classes(connection: Connection, names: Sequence[str]) -> None:
    """Replace the list of classes."""
    connection.execute(delete(classes))
    if names:
        rows = [{"name": name, "position": position} for position, name in enumerate(names)]
        connection.execute(insert(classes), rows)


def counts(connection: Connection) -> dict[tuple[Status, str], int]:
    """Return how many images have each status and current label."""
    rows = connection.execute(
        select(items.c.status, items.c.current_label, func.count())
        .where(items.c.present)
        .group_by(items.c.status, items.c.current_label)
    )
    return {(row[0], row[1]): row[2] for row in rows}


def label_flow(connection: Connection) -> dict[tuple[str, str, Status], int]:
    """Return how many images have each given label, current label and status."""
    columns = (items.c.status, items.c.current_label, items.c.given_label)
    rows = connection.execute(
        select(*columns, func.count()).where(items.c.present).group_by(*columns)
    )
    return {(row.given_label, row.current_label, row.status): row[3] for row in rows}


def fact(connection: Connection, name: str) -> str | None:
    """Return one remembered fact about the dataset, such as its root."""
    return connection.scalar(select(facts.c.value).where(facts.c.name == name))


def set_facts(connection: Connection, values: Mapping[str, str]) -> None:
    """Remember facts, replacing what was known under their names."""
    connection.execute(delete(facts).where(facts.c.name.in_(list(values))))
    connection.execute(insert(facts), [{"name": n, "value": v} for n, v in values.items()])
