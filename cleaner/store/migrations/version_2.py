"""Version 2: the log of decisions cannot be rewritten, and numbers on pages are kept ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Column, Integer, text

from cleaner.store import append_only
from cleaner.store.tables import MISPLACED

if TYPE_CHECKING:
    from alembic.operations import Operations

_STANDING = """
SELECT count(DISTINCT made.item_id) FROM decisions AS made
WHERE made.round_id = rounds.round_id AND made.action IN ({actions})
AND NOT EXISTS (SELECT 1 FROM decisions AS undo WHERE undo.undoes = made.op_id)
"""
_COUNTED = {
    "reviewed": "'accept', 'move', 'exclude'",
    "relabelled": "'move'",
    "excluded": "'exclude'",
}


def upgrade(operations: Operations) -> None:
    """Add what version 2 has and version 1 has not."""
    database = operations.get_bind().dialect.name
    is_sqlite = database == "sqlite"
    _count_rounds(operations)
    kept = "VIRTUAL" if is_sqlite else "STORED"  # what each of them can add to a table
    operations.execute(
        f"ALTER TABLE items ADD COLUMN misplaced BOOLEAN GENERATED ALWAYS AS ({MISPLACED}) {kept}"
    )
    _index(operations, is_true="= 1" if is_sqlite else "")
    for statement in append_only.statements(database, "decisions", append_only.DECISIONS):
        operations.execute(statement)


def _count_rounds(operations: Operations) -> None:
    for name, actions in _COUNTED.items():
        operations.add_column("rounds", Column(name, Integer, nullable=False, server_default="0"))
        counted = _STANDING.format(actions=actions)
        operations.execute(f"UPDATE rounds SET {name} = ({counted})")  # noqa: S608 - constants


def _index(operations: Operations, *, is_true: str) -> None:
    def partial(name: str, table: str, columns: list[str], where: str) -> None:
        operations.create_index(
            name, table, columns, sqlite_where=text(where), postgresql_where=text(where)
        )

    operations.drop_index("items_queue", "items")
    partial("items_queue", "items", ["queue_position"], "queue_position IS NOT NULL")
    partial("items_misplaced", "items", ["item_id"], f"misplaced {is_true}")
    partial("items_counts", "items", ["status", "current_label"], f"present {is_true}")
    operations.create_index("findings_severity", "findings", ["severity", "finding_id"])
