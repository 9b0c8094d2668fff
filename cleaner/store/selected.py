"""The images that a person wants to look at, a page at a time, counted, or in pairs of classes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Join,
    Select,
    case,
    func,
    literal,
    select,
    true,
    tuple_,
)

from cleaner.decisions import ReviewItem
from cleaner.errors import SelectionError
from cleaner.items import written_name
from cleaner.selection import QUEUE, Selection
from cleaner.store import catalogue, lots, opinions, rounds
from cleaner.store.joins import InTurn
from cleaner.store.picks import is_picked
from cleaner.store.tables import LARGEST_NUMBER, items, scores
from cleaner.store.tables import decisions as log

FIRST = ""
_BEFORE_ALL = (FIRST, "-1")
_DECIDED = ("accepted", "moved", "excluded", "skipped")
# Behind everything that the latest round ranked.
_UNRANKED = (LARGEST_NUMBER, 1, 1.0)


@dataclass(frozen=True, slots=True)
class Page:
    """Some images of a selection.

    Attributes:
        items: in the order of the selection.
        after: what to ask for the next page with; None if this was the last.
    """

    items: list[ReviewItem]
    after: str | None


@dataclass(frozen=True, slots=True)
class Sign:
    """What tells an image from what it was before.

    Attributes:
        content_hash: SHA-256 of the file, in hex.
        reviewer: who gave the status that it has; None if nobody has decided.
        decided_at: when, UTC, ISO 8601.
    """

    content_hash: str
    reviewer: str | None
    decided_at: str | None


@dataclass(frozen=True, slots=True)
class Pair:
    """How many images of one label are suggested another."""

    current: str
    suggested: str
    count: int


def page(
    connection: Connection,
    selection: Selection,
    *,
    after: str = FIRST,
    limit: int | None = None,
    without_blind: bool = False,
) -> Page:
    """Return the images behind a place in the order, as another page named it.

    Args:
        connection: to the database.
        selection: which, and in which order.
        after: as `Page.after`. The first of its parts alone, such as a rank, means a place too;
            -1 is before all.
        limit: at most so many.
        without_blind: leave out images that are to be looked at blind.

    Raises:
        SelectionError: `after` is no place in this order.
    """
    keys = _keys(connection, selection)
    place = _place(after, keys)
    by_rank = selection.key == "rank" and selection.status not in ("awaiting", "blind")
    seen = _is_seen(connection, selection) if without_blind else true()
    chosen = _chosen(connection, selection, items.c.item_id, by_rank=by_rank)
    if selection == QUEUE and limit is not None:
        # Everything else is sorted; this is one range of an index, however long the queue.
        chosen = chosen.where(_in_reach(place, limit, seen))
    chosen = chosen.where(seen)
    if place:
        chosen = chosen.where(_behind(keys, place, falls=selection.falls))
    order = [key.desc() if selection.falls else key for key in keys]
    of_page = chosen.order_by(*order).limit(limit).scalar_subquery()
    statement = (
        _joined(connection, selection, *rounds.REVIEW_COLUMNS, *_labelled(keys))
        .where(items.c.item_id.in_(of_page))
        .order_by(*order)
    )
    rows = connection.execute(statement).all()
    found = rounds.review_items(connection, [row[: -len(keys)] for row in rows])
    is_last = limit is None or len(rows) < limit
    return Page(found, None if is_last else _named(rows[-1][-len(keys) :]))


def place_of(connection: Connection, selection: Selection, item_id: int) -> str:
    """Return the place of an image in the order of a selection, as `Page.after` names it.

    It is FIRST if the latest round knows nothing of the image any more.
    """
    keys = _labelled(_keys(connection, selection))
    of_item = _joined(connection, selection, *keys).where(items.c.item_id == item_id)
    row = connection.execute(of_item).first()
    # One that was decided about meanwhile has left the order.
    return FIRST if row is None or None in row else _named(row)


def count(connection: Connection, selection: Selection, *, without_blind: bool = False) -> int:
    """Return how many images there are of it."""
    if selection == QUEUE and not without_blind:
        return rounds.queue_length(connection)
    chosen = _chosen(connection, selection, func.count())
    if without_blind:
        chosen = chosen.where(_is_seen(connection, selection))
    return connection.scalar(chosen) or 0


def _is_seen(connection: Connection, selection: Selection) -> ColumnElement[bool]:
    """Return the condition that an image is not to be looked at blind, unless that is asked for."""
    return true() if selection.status == "blind" else ~lots.is_blind(lots.size(connection))


def signs(connection: Connection, item_ids: Sequence[int]) -> dict[int, Sign]:
    """Return what tells each of these images from what it was before."""
    columns = (items.c.item_id, items.c.content_hash, log.c.reviewer, log.c.decided_at)
    statement = select(*columns).join(log, log.c.sequence == items.c.decision, isouter=True)
    rows = connection.execute(statement.where(items.c.item_id.in_(item_ids)))
    return {row[0]: Sign(*row[1:]) for row in rows}


def pairs(connection: Connection, selection: Selection, *, limit: int | None = None) -> list[Pair]:
    """Return which labels are suggested which other ones, the most frequent pair first.

    Images that are to be looked at blind are in none.
    """
    both = (items.c.current_label, scores.c.suggested_label)
    number = func.count()
    statement = (
        _chosen(connection, selection, *both, number)
        .where(both[0] != both[1], ~lots.is_blind(lots.size(connection)))
        .group_by(*both)
        .order_by(number.desc(), *both)
    )
    return [Pair(*row) for row in connection.execute(statement.limit(limit))]


# -- which ------------------------------------------------------------------------------


def _chosen(
    connection: Connection, selection: Selection, *columns: Any, by_rank: bool = False
) -> Select[Any]:
    statement = _joined(connection, selection, *columns, by_rank=by_rank)
    if selection.status == "blind":
        statement = statement.where(lots.is_blind(lots.size(connection)))
    return statement.where(*(condition(selection) for condition in _conditions(selection)))


def _joined(
    connection: Connection, selection: Selection, *columns: Any, by_rank: bool = False
) -> Select[Any]:
    """Join the images with what the latest round said of each.

    Those of earlier rounds stay without. `by_rank` goes through the round, worst first, until
    enough are found; else the images lead.
    """
    said = (scores.c.item_id == items.c.item_id) & (scores.c.round_id == rounds.latest(connection))
    if not _is_ranked(selection):
        both: Join = items.join(scores, said, isouter=True)
    else:
        both = InTurn(scores, items, said) if by_rank else InTurn(items, scores, said)
    statement = select(*columns).select_from(both)
    if selection.reviewer is not None:
        statement = statement.join(log, log.c.sequence == items.c.decision)
    return statement.where(items.c.present)


def _is_ranked(selection: Selection) -> bool:
    """Tell whether all images of it were ranked by the latest round."""
    return selection.status not in (*_DECIDED, "disputed") and not selection.needs_decisions


Condition = Callable[[Selection], ColumnElement[bool]]


def _conditions(selection: Selection) -> list[Condition]:
    return (
        [_STATUS.get(selection.status, _has_status)]
        + [
            condition
            for name, condition in _CONDITIONS.items()
            if getattr(selection, name) != getattr(QUEUE, name)
        ]
        + ([_is_decided] if selection.key == "decided" else [])
    )


def _has_status(selection: Selection) -> ColumnElement[bool]:
    return items.c.status == selection.status


def _is_decided(_selection: Selection) -> ColumnElement[bool]:
    return items.c.decision.is_not(None)


def _has_text(selection: Selection) -> ColumnElement[bool]:
    return catalogue.path_holds(selection.text)


_STATUS: dict[str, Condition] = {
    # Which of them are shown blind is not for the selection to say.
    "blind": lambda _selection: items.c.status == "unreviewed",
    "awaiting": lambda _selection: items.c.queue_position.is_not(None),
    "any": lambda _selection: items.c.present,
    "disputed": lambda _selection: items.c.item_id.in_(opinions.disputed()),
}
_CONDITIONS: dict[str, Condition] = {
    "current": lambda selection: items.c.current_label == selection.current,
    "suggested": lambda selection: scores.c.suggested_label == selection.suggested,
    # No name of a kind is part of another.
    "reason": lambda selection: scores.c.reason_kinds.contains(selection.reason),
    "low": lambda selection: scores.c.suggested_confidence >= selection.low,
    "high": lambda selection: scores.c.suggested_confidence <= selection.high,
    "reviewer": lambda selection: log.c.reviewer == selection.reviewer,
    "text": _has_text,
    "picked": lambda selection: is_picked(selection.picked),
}


# -- in which order ---------------------------------------------------------------------


def _keys(connection: Connection, selection: Selection) -> list[ColumnElement[Any]]:
    """Return what the images are ordered by; the last key tells any two apart."""
    if selection.status == "blind":
        return [lots.turn(lots.size(connection)), items.c.item_id]
    if selection.key == "file":
        return [items.c.path, items.c.item_id]
    if selection.key == "decided":
        return [items.c.decision]
    rank = _rank(selection)
    return rank if selection.key == "rank" else [_signal(selection.key), *rank]


def _rank(selection: Selection) -> list[ColumnElement[Any]]:
    if selection.status == "awaiting":
        return [items.c.queue_position, scores.c.label_quality, items.c.item_id]
    rank = (scores.c.position, case((scores.c.flagged, 0), else_=1), scores.c.label_quality)
    if _is_ranked(selection):
        return [*rank, items.c.item_id]
    known = (func.coalesce(key, behind) for key, behind in zip(rank, _UNRANKED, strict=True))
    return [*known, items.c.item_id]


def _signal(name: str) -> ColumnElement[float]:
    said = (
        scores.c.self_confidence if name == "self_confidence" else scores.c.signals[name].as_float()
    )
    # A round of an earlier version kept none.
    return func.coalesce(said, 1.0)


def _labelled(keys: list[ColumnElement[Any]]) -> list[ColumnElement[Any]]:
    return [key.label(f"key_{number}") for number, key in enumerate(keys)]


# -- from where -------------------------------------------------------------------------


def _place(after: str, keys: list[ColumnElement[Any]]) -> list[Any]:
    if after in _BEFORE_ALL:
        return []
    try:
        place = json.loads(f"[{after}]")
    except (ValueError, RecursionError):
        place = [None]
    fits = (
        isinstance(value, _KINDS[key.type.python_type]) and _is_sound(value)
        for value, key in zip(place, keys, strict=False)
    )
    if len(place) > len(keys) or not all(fits):
        raise SelectionError("after is no place in this order; leave it out to begin anew.")
    return [_within(value) if type(value) is int else value for value in place]


def _is_sound(value: object) -> bool:
    """Tell whether it is no text, or one that databases take."""
    return not isinstance(value, str) or (
        "\0" not in value and re.search("[\ud800-\udfff]", written_name(value)) is None
    )


def _within(number: int) -> int:
    """Return a number that any database takes, on the same side of all that it is held to."""
    return max(-1, min(number, LARGEST_NUMBER))


_KINDS: dict[type, type | tuple[type, ...]] = {int: int, float: (int, float), str: str}


def _named(values: Any) -> str:
    return json.dumps(list(values), separators=(",", ":"))[1:-1]


def _behind(
    keys: list[ColumnElement[Any]], place: list[Any], *, falls: bool
) -> ColumnElement[bool]:
    reached = tuple_(*keys[: len(place)])
    here = tuple_(*(literal(value, key.type) for value, key in zip(place, keys, strict=False)))
    return reached < here if falls else reached > here


def _in_reach(place: list[Any], limit: int, seen: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return which positions the page behind a place is from, those that tie included."""
    position = place[0] if place else -1
    last = (
        select(items.c.queue_position)
        .where(items.c.queue_position > position, seen)
        .order_by(items.c.queue_position)
        .offset(max(limit - 1, 0))
        .limit(1)
    )
    return items.c.queue_position.between(
        position, func.coalesce(last.scalar_subquery(), LARGEST_NUMBER)
    )
