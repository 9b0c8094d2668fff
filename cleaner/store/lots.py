"""The lots that were drawn, what became of the images drawn first, and which are shown blind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from cleaner.class_edits import Lineage
from cleaner.estimates.errors_left import Cell
from cleaner.estimates.lots import usual_size
from cleaner.store import catalogue, class_edits
from cleaner.store.bulk import add_rows
from cleaner.store.engine import Store
from cleaner.store.tables import (
    decisions,
    items,
    lots,
    rounds,
    sealed_predictions,
    strata,
)

# The fact that says how many are drawn, where a person has said so.
SIZE = "sample_size"
# So many rows are written within a tenth of a second.
_ROWS_AT_ONCE = 4_000
_DECIDED = ("accepted", "moved", "excluded")
_LATEST_ROUND = select(func.max(rounds.c.round_id)).where(rounds.c.ready)
# A stratum counts once all its lots are there.
_IS_DRAWN_FROM = strata.c.images > 0
# Behind every place.
_BEHIND = 1e9


@dataclass(frozen=True, slots=True)
class Lot:
    """One image's lot.

    Attributes:
        item_id: the image.
        band: as `cleaner.lots` numbers them.
        label: the current label.
        place: when its turn comes.
    """

    item_id: int
    band: int
    label: str
    place: float


def without(connection: Connection) -> set[int]:
    """Return the images that nobody has decided about and that have no lot yet."""
    has_lot = exists().where(
        lots.c.item_id == items.c.item_id, lots.c.stratum_id == strata.c.stratum_id, _IS_DRAWN_FROM
    )
    statement = select(items.c.item_id).where(
        items.c.present, items.c.status.in_(("unreviewed", "skipped")), ~has_lot
    )
    return set(connection.scalars(statement))


def keep(store: Store, round_id: int, drawn: Sequence[Lot]) -> None:
    """Keep lots of images that have none, in transactions that are short each."""
    _drop_unfinished(store)
    sizes: dict[tuple[int, str], int] = {}
    for lot in drawn:
        sizes[lot.band, lot.label] = sizes.get((lot.band, lot.label), 0) + 1
    with store.write() as connection:
        numbers = {
            (band, label): _new_stratum(connection, round_id, band, label) for band, label in sizes
        }
    for start in range(0, len(drawn), _ROWS_AT_ONCE):
        rows = [
            {"item_id": lot.item_id, "stratum_id": numbers[lot.band, lot.label], "place": lot.place}
            for lot in drawn[start : start + _ROWS_AT_ONCE]
        ]
        with store.write() as connection:
            add_rows(connection, lots, rows)
    with store.write() as connection:
        for named, images in sizes.items():
            of_stratum = strata.c.stratum_id == numbers[named]
            connection.execute(update(strata).where(of_stratum).values(images=images))


def _new_stratum(connection: Connection, round_id: int, band: int, label: str) -> int:
    values = {"round_id": round_id, "band": band, "label": label, "images": 0}
    statement = insert(strata).values(values).returning(strata.c.stratum_id)
    number: int = connection.scalars(statement).one()
    return number


def _drop_unfinished(store: Store) -> None:
    """Remove the lots that a kill left incomplete."""
    with store.write() as connection:
        unfinished = select(strata.c.stratum_id).where(~_IS_DRAWN_FROM)
        connection.execute(delete(lots).where(lots.c.stratum_id.in_(unfinished)))
        connection.execute(delete(strata).where(~_IS_DRAWN_FROM))


# -- what is shown blind ----------------------------------------------------------------


def size(connection: Connection) -> int:
    """Return how many images are drawn."""
    known = catalogue.fact(connection, SIZE)
    if known is not None:
        return int(known)
    return usual_size(connection.scalar(select(func.sum(strata.c.images))) or 0)


def is_blind(most: int) -> ColumnElement[bool]:
    """Return the condition that an image awaits a decision, and is shown blind until then.

    It is one of the `most` that were drawn first, or trains nothing.
    """
    return and_(items.c.status == "unreviewed", _is_chosen(most))


def _is_chosen(most: int) -> ColumnElement[bool]:
    return or_(_is_drawn(most), _is_sealed())


def turn(most: int) -> ColumnElement[float]:
    """Return the order in which blind images come up: the drawn ones first."""
    place = select(lots.c.place).where(lots.c.item_id == items.c.item_id).scalar_subquery()
    behind = case((_is_drawn(most), 0.0), else_=_BEHIND)
    known: ColumnElement[float] = func.coalesce(place, _BEHIND) + behind
    return known


def _is_drawn(most: int) -> ColumnElement[bool]:
    return items.c.item_id.in_(_first(lots.c.item_id, size=most).scalar_subquery())


def _is_sealed() -> ColumnElement[bool]:
    of_round = sealed_predictions.c.round_id == _LATEST_ROUND.scalar_subquery()
    return exists().where(of_round, sealed_predictions.c.item_id == items.c.item_id)


def _first(*columns: Any, size: int) -> Select[Any]:
    """Choose the lots with the lowest places."""
    return (
        select(*columns)
        .join(strata, strata.c.stratum_id == lots.c.stratum_id)
        .where(_IS_DRAWN_FROM)
        .order_by(lots.c.place, lots.c.item_id)
        .limit(size)
    )


def blind(connection: Connection, item_ids: Sequence[int]) -> set[int]:
    """Return which of a few images are shown blind."""
    chosen = select(items.c.item_id).where(
        items.c.item_id.in_(item_ids), is_blind(size(connection))
    )
    return set(connection.scalars(chosen))


def last_place(connection: Connection) -> float:
    """Return the place of the last image that is drawn; -1 if none is."""
    most = size(connection)
    last = _first(lots.c.place, size=1).offset(most - 1) if most else None
    found = None if last is None else connection.scalar(last)
    if found is None and most:  # fewer have a lot
        found = connection.scalar(select(func.max(lots.c.place)))
    return -1.0 if found is None else found


def why_blind(connection: Connection, item_id: int, last: float) -> str | None:
    """Return in words why an image was shown blind, where `last` is the last place drawn."""
    known = {"asked_item": item_id}
    place = connection.scalar(_PLACE, known)
    if place is not None and place <= last:
        return "Drawn at random, and shown without a suggestion"
    if connection.scalar(_SEALED, known) is not None:
        return "Sealed for the test, and shown without a suggestion"
    return None


# Built once: they are asked for at every decision.
_PLACE = select(lots.c.place).where(lots.c.item_id == bindparam("asked_item"))
_SEALED = select(sealed_predictions.c.item_id).where(
    sealed_predictions.c.round_id == _LATEST_ROUND.scalar_subquery(),
    sealed_predictions.c.item_id == bindparam("asked_item"),
)


def is_for_the_blind(connection: Connection, item_id: int) -> bool:
    """Tell whether an image is shown blind where nobody has decided about it."""
    chosen = select(items.c.item_id).where(items.c.item_id == item_id, _is_chosen(size(connection)))
    return connection.scalar(chosen) is not None


def next_drawn(connection: Connection, limit: int | None = None) -> list[int]:
    """Return the drawn images that await a decision, in their order."""
    first = _first(lots.c.item_id, lots.c.place, size=size(connection)).subquery()
    statement = (
        select(first.c.item_id)
        .join(items, items.c.item_id == first.c.item_id)
        .where(items.c.present, items.c.status == "unreviewed")
        .order_by(first.c.place, first.c.item_id)
    )
    return list(connection.scalars(statement.limit(limit)))


def queued(connection: Connection, item_ids: Sequence[int]) -> int:
    """Return how many of a few images are in the queue."""
    in_queue = items.c.queue_position.is_not(None)
    statement = select(func.count()).where(items.c.item_id.in_(item_ids), in_queue)
    return connection.scalar(statement) or 0


# -- what became of them ----------------------------------------------------------------


def cells(connection: Connection) -> list[Cell]:
    """Return what is known of each stratum and of the images that were drawn.

    Images that are gone, or were excluded for another reason than their label, leave the strata.
    """
    lineage = class_edits.lineage(connection)
    found = {row.stratum_id: _cell(row, lineage) for row in connection.execute(_STRATA)}
    for row in connection.execute(_GONE):
        cell = found[row.stratum_id]
        found[row.stratum_id] = replace(cell, images=cell.images - row.number)
    for row in connection.execute(_REVIEWED):
        cell = found[row.stratum_id]
        if _left_out(row):
            found[row.stratum_id] = replace(cell, images=cell.images - row.number)
            continue
        wrong = row.number if _was_wrong(row, cell) else 0
        found[row.stratum_id] = replace(
            cell, reviewed=cell.reviewed + row.number, wrong=cell.wrong + wrong
        )
    for row in _without_gaps(connection, found):
        cell = found[row.stratum_id]
        found[row.stratum_id] = replace(
            cell, drawn=cell.drawn + 1, drawn_wrong=cell.drawn_wrong + _was_wrong(row, cell)
        )
    return list(found.values())


_STRATA = select(strata).where(_IS_DRAWN_FROM).order_by(strata.c.stratum_id)
_LOTS_OF_ITEMS = items.join(lots, lots.c.item_id == items.c.item_id).join(
    strata, and_(strata.c.stratum_id == lots.c.stratum_id, _IS_DRAWN_FROM)
)
_GONE = (
    select(lots.c.stratum_id, func.count().label("number"))
    .select_from(_LOTS_OF_ITEMS)
    .where(~items.c.present)
    .group_by(lots.c.stratum_id)
)
_NO_REASON = decisions.c.reason.is_(None).label("no_reason")
_REVIEWED = (
    select(
        lots.c.stratum_id,
        items.c.status,
        items.c.current_label,
        _NO_REASON,
        func.count().label("number"),
    )
    .select_from(_LOTS_OF_ITEMS.join(decisions, decisions.c.sequence == items.c.decision))
    .where(items.c.decision.is_not(None), items.c.present, items.c.status.in_(_DECIDED))
    .group_by(lots.c.stratum_id, items.c.status, items.c.current_label, _NO_REASON)
)


def _cell(row: Any, lineage: Lineage) -> Cell:
    label = lineage.from_round(row.label, row.round_id)
    return Cell(band=10 * row.round_id + row.band, label=label, images=row.images)


def _left_out(row: Any) -> bool:
    """Tell whether an image was excluded where nobody had been asked about its label."""
    return bool(row.status == "excluded" and row.no_reason)


def _was_wrong(row: Any, cell: Cell) -> bool:
    return bool(row.status == "excluded" or row.current_label != cell.label)


def _without_gaps(connection: Connection, found: dict[int, Cell]) -> Iterator[Any]:
    """Yield the drawn images of each band up to the first that awaits a decision.

    The others would be no random sample: the queue may have picked them.
    """
    chosen = (lots.c.item_id, lots.c.stratum_id, lots.c.place)
    first = _first(*chosen, size=size(connection)).subquery()
    statement = (
        select(
            first.c.stratum_id,
            items.c.status,
            items.c.current_label,
            items.c.present,
            _NO_REASON,
        )
        .select_from(
            first.join(items, items.c.item_id == first.c.item_id).outerjoin(
                decisions, decisions.c.sequence == items.c.decision
            )
        )
        .order_by(first.c.place, first.c.item_id)
    )
    closed: set[int] = set()
    for row in connection.execute(statement):
        band = found[row.stratum_id].band
        if not row.present or row.status == "skipped" or _left_out(row) or band in closed:
            continue
        if row.status == "unreviewed":
            closed.add(band)
        else:
            yield row
