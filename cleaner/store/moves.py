"""The journal of file moves."""

from __future__ import annotations

from sqlalchemy import Connection, case, func, insert, select, update

from cleaner.decisions import FileMove
from cleaner.store.tables import moves

_COLUMNS = [moves.c[name] for name in FileMove.__slots__]


def plan(connection: Connection, move: FileMove) -> FileMove:
    """Journal one intended move and return it with its number; its own `move_id` is ignored."""
    values = {name: getattr(move, name) for name in FileMove.__slots__ if name != "move_id"}
    move_id = connection.execute(insert(moves).values(**values).returning(moves.c.move_id))
    return FileMove(move_id=move_id.scalar_one(), **values)


def settle(connection: Connection, move_id: int, state: str) -> None:
    """Note that a move is ``done`` or ``reverted``."""
    connection.execute(update(moves).where(moves.c.move_id == move_id).values(state=state))


def unsettled(connection: Connection) -> list[FileMove]:
    """Return what a crash left open, oldest first."""
    return _select(connection, moves.c.state == "planned")


def progress(connection: Connection) -> tuple[int, ...]:
    """Return numbers that differ as soon as a move was planned, done or reverted."""
    rows = connection.execute(
        select(
            func.count(), func.count(case((moves.c.state == "done", 1))), func.max(moves.c.move_id)
        )
    ).one()
    return tuple(number or 0 for number in rows)


def done(connection: Connection) -> list[FileMove]:
    """Return all finished moves, oldest first."""
    return _select(connection, moves.c.state == "done")


def _select(connection: Connection, condition: object) -> list[FileMove]:
    rows = connection.execute(
        select(*_COLUMNS).where(condition).order_by(moves.c.move_id)  # type: ignore[arg-type]
    )
    return [FileMove(*row) for row in rows]
