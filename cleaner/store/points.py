"""What a map says of each of its images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, select

from cleaner.items import Status
from cleaner.store.rounds import latest
from cleaner.store.tables import items, scores

_MOST_IN_A_STATEMENT = 10_000


@dataclass(frozen=True, slots=True)
class Point:
    """An image as it stands now; `label_quality` is None where the latest round has none."""

    item_id: int
    path: str
    content_hash: str
    given_label: str
    current_label: str
    status: Status
    suggested_label: str | None
    label_quality: float | None
    flagged: bool | None


_COLUMNS = [
    (scores if name in scores.c and name not in items.c else items).c[name]
    for name in Point.__slots__
]


def points(connection: Connection, item_ids: Sequence[int]) -> dict[int, Point]:
    """Return these images by their number, without those that are gone."""
    of_round = and_(scores.c.item_id == items.c.item_id, scores.c.round_id == latest(connection))
    found: dict[int, Point] = {}
    for start in range(0, len(item_ids), _MOST_IN_A_STATEMENT):
        some = list(item_ids[start : start + _MOST_IN_A_STATEMENT])
        rows = connection.execute(
            select(*_COLUMNS)
            .select_from(items)
            .outerjoin(scores, of_round)
            .where(items.c.present, items.c.item_id.in_(some))
        )
        found |= {row.item_id: Point(*row) for row in rows}
    return found
