"""Rounds, the scores they gave, and the queue that is left to review."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from cleaner.class_edits import Lineage
from cleaner.decisions import UNRANKED, ReviewItem, Round
from cleaner.items import shown_path
from cleaner.standings import retold
from cleaner.store import class_edits, findings
from cleaner.store.bulk import add_rows
from cleaner.store.joins import InTurn
from cleaner.store.tables import LARGEST_NUMBER, items, rounds, scores

REVIEW_COLUMNS = [
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
_WITHIN_A_POSITION = (scores.c.flagged.desc(), scores.c.label_quality, items.c.item_id)

_LATEST = select(func.max(rounds.c.round_id)).where(rounds.c.ready)
_REASONS = select(scores.c.reasons).where(
    scores.c.round_id == _LATEST.scalar_subquery(), scores.c.item_id == bindparam("asked_item")
)
_ROUND_COLUMNS = [rounds.c[name] for name in Round.__slots__]


def open_round(
    connection: Connection, values: Mapping[str, Any], ranking: Sequence[dict[str, Any]]
) -> int:
    """Close the round before, keep a new one with its scores, and return its number.

    All at once, which holds up everybody else; `store.opening` does it in parts.

    Args:
        connection: within one transaction, so that readers see the old queue or the new.
        values: columns of `rounds` but the round_id.
        ranking: columns of `scores` but the round_id, one mapping an image.
    """
    number = begin(connection, values)
    add_scores(connection, number, ranking)
    publish(connection, number)
    fill_queue(connection, number, range(1, LARGEST_NUMBER + 1))
    return number


def begin(connection: Connection, values: Mapping[str, Any]) -> int:
    """Keep a round that nobody sees yet, and return its number."""
    number = (connection.scalar(select(func.max(rounds.c.round_id))) or 0) + 1
    connection.execute(insert(rounds).values(round_id=number, ready=False, **values))
    return number


def add_scores(connection: Connection, number: int, ranking: Sequence[dict[str, Any]]) -> None:
    """Add some images' scores to a round that was begun."""
    add_rows(connection, scores, [row | {"round_id": number} for row in ranking])


def publish(connection: Connection, number: int) -> None:
    """Close the round before, and let everybody see the one that was begun.

    The queue is as it was until `fill_queue` has gone through all images.
    """
    begun = rounds.c.round_id == number
    opened_at = connection.scalar(select(rounds.c.started_at).where(begun))
    still_open = update(rounds).where(rounds.c.closed_at.is_(None), ~begun)
    connection.execute(still_open.values(closed_at=opened_at))
    connection.execute(update(rounds).where(begun).values(ready=True))
    # What was skipped gets a second look in the new round.
    skipped = update(items).where(items.c.status == "skipped")
    connection.execute(skipped.values(status="unreviewed", decision=None))


def fill_queue(connection: Connection, number: int, item_ids: range) -> None:
    """Give the images with these numbers the places in the queue that a round says."""
    here = items.c.item_id.between(item_ids.start, item_ids.stop - 1)
    flagged = (scores.c.round_id == number, scores.c.flagged)
    position = select(scores.c.position).where(*flagged, scores.c.item_id == items.c.item_id)
    in_reach = scores.c.item_id.between(item_ids.start, item_ids.stop - 1)
    wanted = items.c.item_id.in_(select(scores.c.item_id).where(*flagged, in_reach))
    unreviewed = and_(wanted, items.c.status == "unreviewed", items.c.present)
    queued = items.c.queue_position.is_not(None)
    connection.execute(
        update(items)
        .where(here, or_(queued, unreviewed))
        .values(queue_position=position.scalar_subquery())
    )


def unfinished(connection: Connection) -> list[int]:
    """Return the rounds that were begun and not published."""
    return list(connection.scalars(select(rounds.c.round_id).where(~rounds.c.ready)))


def drop_scores(connection: Connection, number: int, item_ids: range) -> None:
    """Remove what an unfinished round says of the images with these numbers."""
    here = scores.c.item_id.between(item_ids.start, item_ids.stop - 1)
    connection.execute(delete(scores).where(scores.c.round_id == number, here))


def drop(connection: Connection, number: int) -> None:
    """Remove an unfinished round without scores."""
    connection.execute(delete(rounds).where(rounds.c.round_id == number, ~rounds.c.ready))


def latest(connection: Connection) -> int | None:
    """Return the number of the latest round, or None before the first."""
    number: int | None = connection.scalar(_LATEST)
    return number


def latest_opening(connection: Connection) -> tuple[int, str] | None:
    """Return number and beginning of the latest round, or None before the first."""
    row = connection.execute(
        select(rounds.c.round_id, rounds.c.started_at)
        .where(rounds.c.ready)
        .order_by(rounds.c.round_id.desc())
        .limit(1)
    ).first()
    return None if row is None else (row.round_id, row.started_at)


def scores_of(connection: Connection, round_id: int) -> Sequence[Any]:
    """Return the columns of `scores` that a ranking changes, of each image, with its item_id."""
    return connection.execute(
        select(
            scores.c.item_id,
            scores.c.suggested_label,
            scores.c.self_confidence,
            scores.c.suggested_confidence,
            scores.c.label_quality,
            scores.c.flagged,
        ).where(scores.c.round_id == round_id)
    ).all()


def rerank(connection: Connection, round_id: int, ranking: Sequence[dict[str, Any]]) -> None:
    """Replace the scores of some images, and their places in the queue where they await review.

    What a row does not name, such as the signals, stays as the round found it.

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
    statement = select(*_ROUND_COLUMNS).where(rounds.c.ready).order_by(rounds.c.round_id)
    rows = connection.execute(statement)
    return [Round(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class KnownOfModels:
    """What is known of a round beside its counts, as plain values.

    Attributes:
        own: how far its models agreed with the labels, as `agreement.Own` has it; empty if nobody
            has looked.
        errors_left: what was estimated when the next round began, or None.
    """

    own: dict[str, Any]
    errors_left: dict[str, Any] | None


def known_of_models(connection: Connection) -> dict[int, KnownOfModels]:
    """Return it of each round."""
    columns = (rounds.c.round_id, rounds.c.own, rounds.c.errors_left)
    rows = connection.execute(select(*columns).where(rounds.c.ready))
    return {row.round_id: KnownOfModels(row.own, row.errors_left) for row in rows}


def set_errors_left(connection: Connection, round_id: int, values: dict[str, Any]) -> None:
    """Keep what is estimated to be left as a round ends."""
    of_round = rounds.c.round_id == round_id
    connection.execute(update(rounds).where(of_round).values(errors_left=values))


def doubts(connection: Connection, *, limit: int) -> list[float]:
    """Return the chance, 0..1, that each label that nobody has reviewed is wrong, worst first."""
    right = scores.c.signals["label_posterior"].as_float()
    statement = (
        select(right)
        .select_from(InTurn(scores, items, scores.c.item_id == items.c.item_id))
        .where(
            scores.c.round_id == latest(connection),
            items.c.present,
            items.c.status.in_(("unreviewed", "skipped")),
        )
        .order_by(scores.c.position)
        .limit(limit)
    )
    return [1 - value for value in connection.scalars(statement) if value is not None]


def queue_page(
    connection: Connection, *, after: int = -1, limit: int | None = None
) -> list[ReviewItem]:
    """Return images that await a decision, worst first, behind position `after`."""
    # The page is cut before its scores are looked up. Left to itself, SQLite goes through all
    # scores of the round to find these few.
    page = select(items.c.item_id).where(items.c.queue_position > min(after, LARGEST_NUMBER))
    if limit is not None:
        # Asked for beforehand: where PostgreSQL does not know how far a page goes, it plans for
        # one image in 200, and of ten million that is as good as going through all scores.
        page = page.where(items.c.queue_position <= _last_position(connection, after, limit))
    statement = _ranked(connection).where(items.c.item_id.in_(page.scalar_subquery()))
    order = (items.c.queue_position, *_WITHIN_A_POSITION)
    return review_items(connection, connection.execute(statement.order_by(*order).limit(limit)))


def _last_position(connection: Connection, after: int, limit: int) -> int:
    """Return the position of the last image of a page; who shares it is told by the scores."""
    last: int | None = connection.scalar(
        select(items.c.queue_position)
        .where(items.c.queue_position > min(after, LARGEST_NUMBER))
        .order_by(items.c.queue_position)
        .offset(max(limit - 1, 0))
        .limit(1)
    )
    return LARGEST_NUMBER if last is None else last


def ranking_page(
    connection: Connection, *, after: int = -1, limit: int | None = None
) -> list[ReviewItem]:
    """Return every ranked image, reviewed or not, worst first, behind position `after`."""
    behind = scores.c.position > min(after, LARGEST_NUMBER)
    statement = _ranked(connection).where(behind).order_by(scores.c.position, *_WITHIN_A_POSITION)
    return review_items(connection, connection.execute(statement.limit(limit)))


def review_item(connection: Connection, item_id: int) -> ReviewItem | None:
    """Return one image as the latest round ranked it."""
    of_item = _ranked(connection).where(items.c.item_id == item_id)
    found = review_items(connection, connection.execute(of_item))
    return found[0] if found else None


def some_items(connection: Connection, item_ids: Sequence[int]) -> list[ReviewItem]:
    """Return a few images as the latest round ranked them, in the order of their numbers here."""
    rows = connection.execute(_ranked(connection).where(items.c.item_id.in_(item_ids)))
    found = {one.item_id: one for one in review_items(connection, rows)}
    return [found[item_id] for item_id in item_ids if item_id in found]


def reason(connection: Connection, item_id: int, called: Mapping[str, str]) -> str | None:
    """Return why the latest round put an image up for review, in words; None if it did not.

    Args:
        connection: to the database.
        item_id: the image.
        called: what classes are called by now, as `names_now` says.
    """
    found: list[str] | None = connection.scalar(_REASONS, {"asked_item": item_id})
    return "; ".join(retold(one, called) for one in found) if found else None


def names_now(lineage: Lineage, round_id: int | None) -> dict[str, str]:
    """Return what the latest round's words call classes that have another name by now.

    Each stands for the new name, both as people may see them.
    """
    renamed = lineage.names_since_round(round_id)
    return {shown_path(old): shown_path(new) for old, new in renamed.items()}


def queue_length(connection: Connection) -> int:
    """Return how many images await a decision."""
    in_queue = items.c.queue_position.is_not(None)
    return connection.scalar(select(func.count()).where(in_queue)) or 0


def suggestions(connection: Connection) -> dict[tuple[str, str], int]:
    """Return how many images that await a decision have each current and suggested label."""
    columns = (items.c.current_label, scores.c.suggested_label)
    rows = connection.execute(
        select(*columns, func.count())
        .select_from(items)
        .join(scores, scores.c.item_id == items.c.item_id)
        .where(items.c.queue_position.is_not(None), scores.c.round_id == latest(connection))
        .group_by(*columns)
    )
    return {(row.current_label, row.suggested_label): row[2] for row in rows}


def _ranked(connection: Connection) -> Select[Any]:
    return (
        select(*REVIEW_COLUMNS)
        .join(scores, scores.c.item_id == items.c.item_id)
        .where(scores.c.round_id == latest(connection), items.c.present)
    )


def review_items(connection: Connection, rows: Iterable[Sequence[Any]]) -> list[ReviewItem]:
    """Return what rows of `REVIEW_COLUMNS` say; an image need not have been ranked.

    What audits found about an image is a reason of its own, behind those of the ranking.
    """
    lineage, number = class_edits.lineage(connection), latest(connection)
    called, in_words = lineage.names_since_round(number), names_now(lineage, number)
    ranked = [_review_item(*row, called=called, in_words=in_words) for row in rows]
    told = findings.about(connection, [one.item_id for one in ranked])
    return [
        replace(one, reasons=(*one.reasons, *(detail for _kind, detail in told[one.item_id])))
        if one.item_id in told
        else one
        for one in ranked
    ]


def _review_item(*row: Any, called: Mapping[str, str], in_words: Mapping[str, str]) -> ReviewItem:
    values = dict(zip(ReviewItem.__slots__, row, strict=True))
    if values["position"] is None:
        return ReviewItem(**values | UNRANKED | {"suggested_label": values["current_label"]})
    suggested = values["suggested_label"]
    reasons = tuple(retold(reason, in_words) for reason in values["reasons"])
    return ReviewItem(
        **values | {"suggested_label": called.get(suggested, suggested), "reasons": reasons}
    )
