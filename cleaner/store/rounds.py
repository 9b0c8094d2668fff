"""Rounds, the scores they gave, and the queue that is left to review."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    and_,
    bindparam,
    case,
    distinct,
    func,
    insert,
    select,
    update,
)

from cleaner.decisions import ReviewItem, Round
from cleaner.store.decisions import UNDONE
from cleaner.store.tables import decisions, items, rounds, scores

_REVIEW_COLUMNS = [
    items.c.item_id,
    items.c.path,
    items.c.split,
    items.c.width,
    items.c.height,
    items.c.given_label,
    items.c.current_label,
    scores.c.suggested_label,
    scores.c.self_confidence,
    scores.c.suggested_confidence,
    scores.c.label_quality,
    scores.c.flagged,
    items.c.status,
    scores.c.position,
    scores.c.reasons,
]
# An image that a decision has moved shares the position of the one whose place it takes.
_WITHIN_A_POSITION = (scores.c.label_quality, items.c.item_id)


def open_round(
    connection: Connection, values: Mapping[str, Any], ranking: Sequence[dict[str, Any]]
) -> int:
    """Close the round before, keep a new one with its scores, and return its number.

    Args:
        connection: within one transaction, so that readers see the old queue or the new.
        values: columns of `rounds` but the round_id.
        ranking: columns of `scores` but the round_id, one mapping an image.
    """
    _close_rounds(connection, values["started_at"])
    number = (connection.scalar(select(func.max(rounds.c.round_id))) or 0) + 1
    connection.execute(insert(rounds).values(round_id=number, **values))
    if ranking:
        connection.execute(insert(scores), [row | {"round_id": number} for row in ranking])
    _refill_queue(connection, ranking)
    return number


def _close_rounds(connection: Connection, closed_at: str) -> None:
    still_open = update(rounds).where(rounds.c.closed_at.is_(None))
    connection.execute(still_open.values(closed_at=closed_at))
    # What was skipped gets a second look in the new round.
    skipped = update(items).where(items.c.status == "skipped")
    connection.execute(skipped.values(status="unreviewed"))


def _refill_queue(connection: Connection, ranking: Sequence[dict[str, Any]]) -> None:
    connection.execute(update(items).values(queue_position=None))
    flagged = [
        {"b_item_id": row["item_id"], "queue_position": row["position"]}
        for row in ranking
        if row["flagged"]
    ]
    awaited = and_(items.c.item_id == bindparam("b_item_id"), items.c.status == "unreviewed")
    if flagged:
        connection.execute(update(items).where(awaited), flagged)


def latest(connection: Connection) -> int | None:
    """Return the number of the latest round, or None before the first."""
    number: int | None = connection.scalar(select(func.max(rounds.c.round_id)))
    return number


def latest_opening(connection: Connection) -> tuple[int, str] | None:
    """Return number and beginning of the latest round, or None before the first."""
    row = connection.execute(
        select(rounds.c.round_id, rounds.c.started_at).order_by(rounds.c.round_id.desc()).limit(1)
    ).first()
    return None if row is None else (row.round_id, row.started_at)


def scores_of(connection: Connection, round_id: int) -> Sequence[Any]:
    """Return (item_id, suggested label, its confidence, label quality, flagged) of each image."""
    return connection.execute(
        select(
            scores.c.item_id,
            scores.c.suggested_label,
            scores.c.suggested_confidence,
            scores.c.label_quality,
            scores.c.flagged,
        ).where(scores.c.round_id == round_id)
    ).all()


def rerank(connection: Connection, round_id: int, ranking: Sequence[dict[str, Any]]) -> None:
    """Replace the scores of some images, and their places in the queue where they await review.

    Args:
        connection: within the caller's transaction.
        round_id: the latest round.
        ranking: rows as `open_round` takes them.
    """
    changed = [row | {"b_item_id": row["item_id"]} for row in ranking]
    for row in changed:
        del row["item_id"]
    if not changed:
        return
    of_item = and_(scores.c.round_id == round_id, scores.c.item_id == bindparam("b_item_id"))
    connection.execute(update(scores).where(of_item), changed)
    places = [
        {
            "b_item_id": row["b_item_id"],
            "queue_position": row["position"] if row["flagged"] else None,
        }
        for row in changed
    ]
    # Who was decided about or went missing meanwhile does not come back.
    awaited = and_(
        items.c.item_id == bindparam("b_item_id"), items.c.status == "unreviewed", items.c.present
    )
    connection.execute(update(items).where(awaited), places)


def settings_of(connection: Connection, round_id: int) -> dict[str, Any]:
    """Return the settings a round was scored with."""
    found: dict[str, Any] = connection.scalars(
        select(rounds.c.settings).where(rounds.c.round_id == round_id)
    ).one()
    return found


def history(connection: Connection) -> list[Round]:
    """Return all rounds, the first one first, with what was decided in each."""
    tally = (
        select(
            decisions.c.round_id,
            func.count(distinct(decisions.c.item_id)).label("reviewed"),
            _count_items(decisions.c.action == "move").label("relabelled"),
            _count_items(decisions.c.action == "exclude").label("excluded"),
        )
        .where(
            decisions.c.action.in_(("accept", "move", "exclude")),
            decisions.c.op_id.not_in(UNDONE),
        )
        .group_by(decisions.c.round_id)
        .subquery()
    )
    rows = connection.execute(
        select(
            rounds.c.round_id,
            rounds.c.model_id,
            rounds.c.images,
            rounds.c.flagged,
            func.coalesce(tally.c.reviewed, 0),
            func.coalesce(tally.c.relabelled, 0),
            func.coalesce(tally.c.excluded, 0),
            rounds.c.accuracy,
            rounds.c.seconds,
            rounds.c.started_at,
            rounds.c.closed_at,
        )
        .outerjoin(tally, tally.c.round_id == rounds.c.round_id)
        .order_by(rounds.c.round_id)
    )
    return [Round(*row) for row in rows]


def _count_items(condition: Any) -> Any:
    return func.count(distinct(case((condition, decisions.c.item_id))))


def queue_page(
    connection: Connection, *, after: int = -1, limit: int | None = None
) -> list[ReviewItem]:
    """Return images that await a decision, worst first, behind position `after`."""
    statement = _ranked(connection).where(items.c.queue_position > after)
    order = (items.c.queue_position, *_WITHIN_A_POSITION)
    return _review_items(connection, statement.order_by(*order).limit(limit))


def ranking_page(
    connection: Connection, *, after: int = -1, limit: int | None = None
) -> list[ReviewItem]:
    """Return every ranked image, reviewed or not, worst first, behind position `after`."""
    statement = _ranked(connection).where(scores.c.position > after)
    order = (scores.c.position, *_WITHIN_A_POSITION)
    return _review_items(connection, statement.order_by(*order).limit(limit))


def review_item(connection: Connection, item_id: int) -> ReviewItem | None:
    """Return one image as the latest round ranked it."""
    found = _review_items(connection, _ranked(connection).where(items.c.item_id == item_id))
    return found[0] if found else None


def queue_length(connection: Connection) -> int:
    """Return how many images await a decision."""
    return connection.scalar(select(func.count(items.c.queue_position))) or 0


def _ranked(connection: Connection) -> Select[Any]:
    return (
        select(*_REVIEW_COLUMNS)
        .join(scores, scores.c.item_id == items.c.item_id)
        .where(scores.c.round_id == latest(connection), items.c.present)
    )


def _review_items(connection: Connection, statement: Select[Any]) -> list[ReviewItem]:
    return [
        ReviewItem(**{**row, "reasons": tuple(row["reasons"])})
        for row in connection.execute(statement).mappings()
    ]
