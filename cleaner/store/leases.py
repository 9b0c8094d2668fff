"""Which images somebody's page has in hand just now, so that nobody else gets them meanwhile.

Times are seconds since 1970 by the clock of whoever asks.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, or_, select

from cleaner.store.tables import leases


@dataclass(frozen=True, slots=True)
class Held:
    """What is leased at one moment.

    Attributes:
        mine: until when, of each image that the asker has.
        others: the images that others have.
        holders: how many others there are.
    """

    mine: dict[int, float]
    others: frozenset[int]
    holders: int


def held(connection: Connection, holder: str, now: float) -> Held:
    """Return what `holder` and what everybody else has."""
    rows = connection.execute(select(leases).where(leases.c.expires_at > now)).all()
    others = [row for row in rows if row.holder != holder]
    return Held(
        mine={row.item_id: row.expires_at for row in rows if row.holder == holder},
        others=frozenset(row.item_id for row in others),
        holders=len({row.holder for row in others}),
    )


def take(connection: Connection, holder: str, item_ids: Collection[int], until: float) -> None:
    """Have `holder` hold these images, which nobody else does, and no others."""
    connection.execute(delete(leases).where(leases.c.holder == holder))
    if item_ids:
        rows = [{"item_id": i, "holder": holder, "expires_at": until} for i in item_ids]
        connection.execute(insert(leases), rows)


def free(connection: Connection, item_id: int) -> None:
    """Let anybody have this image, whoever holds it."""
    connection.execute(delete(leases).where(leases.c.item_id == item_id))


def release(connection: Connection, holders: Collection[str], now: float) -> None:
    """Give back what these had, and what has expired."""
    gone = or_(leases.c.holder.in_(holders), leases.c.expires_at <= now)
    connection.execute(delete(leases).where(gone))
