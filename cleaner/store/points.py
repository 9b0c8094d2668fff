"""What a map says of each of its images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, and_, select

from cleaner.items import Status
from cleaner.store import lots
from cleaner.store.rounds import latest
from cleaner.store.tables import items, scores

_MOST_IN_A_STATEMENT = 10_000


@dataclass(frozen=True, slots=True)
class Point:
    """An image as it stands now.

    Attributes:
        suggested_label: None, as the two after it, where the latest round has none, or where the
            image is to be looked at blind.
        label_quality: 0 suspect, 1 trusted.
        flagged: whether it was put up for review.
        is_blind: whether it is decided about without what the model says.
    """

    item_id: int
    path: str
    content_hash: str
    given_label: str
    current_label: str
    status: Status
    suggested_label: str | None
    label_quality: float | None
    flagged: bool | None
    is_blind: bool = False


_COLUMNS = [
    (scores if name in scores.c and name not in items.c else items).c[name]
    for name in Point.__slots__
    if name != "is_blind"
]
_UNTOLD: dict[str, Any] = {"suggested_label": None, "label_quality": None, "flagged": None}


def points(connection: Connection, item_ids: Sequence[int]) -> dict[int, Point]:
    """Return these images by their number, without those that are gone."""
    of_round = and_(scores.c.item_id == items.c.item_id, scores.c.round_id == latest(connection))
    is_blind = lots.is_blind(lots.size(connection)).label("is_blind")
    found: dict[int, Point] = {}
    for start in range(0, len(item_ids), _MOST_IN_A_STATEMENT):
        some = list(item_ids[start : start + _MOST_IN_A_STATEMENT])
        rows = connection.execute(
            select(*_COLUMNS, is_blind)
            .select_from(items)
            .outerjoin(scores, of_round)
            .where(items.c.present, items.c.item_id.in_(some))
        )
        found |= {row.item_id: _point(row) for row in rows}
    return found


def _point(row: Any) -> Point:
    point = Point(*row)
    return replace(point, **_UNTOLD) if point.is_blind else point
