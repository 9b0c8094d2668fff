"""Images that somebody picked out by hand, under a short name that an address can hold."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, delete, func, select

from cleaner.store.bulk import add_rows
from cleaner.store.tables import items, picks

# Who looks at an address that is older finds nothing, and picks again.
MOST_KEPT = 50


def keep(connection: Connection, item_ids: Collection[int], made_at: str) -> str:
    """Keep these images and return their name: the same images have the same one."""
    numbers = sorted(set(item_ids))
    pick_id = hashlib.sha256(repr(numbers).encode()).hexdigest()[:16]
    connection.execute(delete(picks).where(picks.c.pick_id == pick_id))
    rows = [{"pick_id": pick_id, "item_id": one, "made_at": made_at} for one in numbers]
    add_rows(connection, picks, rows)
    _forget_old(connection)
    return pick_id


def _forget_old(connection: Connection) -> None:
    made = func.max(picks.c.made_at)
    latest = select(picks.c.pick_id).group_by(picks.c.pick_id).order_by(made.desc())
    kept = set(connection.scalars(latest.limit(MOST_KEPT)))
    connection.execute(delete(picks).where(picks.c.pick_id.not_in(kept)))


def picked(connection: Connection, pick_id: str) -> list[int]:
    """Return the numbers of the images kept under this name; none if it was forgotten."""
    of_pick = select(picks.c.item_id).where(picks.c.pick_id == pick_id)
    return list(connection.scalars(of_pick.order_by(picks.c.item_id)))


def is_picked(pick_id: str | None) -> ColumnElement[bool]:
    """Return the condition that an image is one of those kept under this name."""
    return items.c.item_id.in_(select(picks.c.item_id).where(picks.c.pick_id == pick_id))
