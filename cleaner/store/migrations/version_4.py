"""Version 4: what is looked at blind, by whom, and what models say of sealed images is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import JSON, Boolean, Column, Float, ForeignKey, Integer, String, Text, text

from cleaner.store import append_only

if TYPE_CHECKING:
    from alembic.operations import Operations


def upgrade(operations: Operations) -> None:
    """Add what version 4 has and version 3 has not."""
    _draw_lots(operations)
    _seal(operations)
    _hear(operations)
    where = text("NOT present")
    operations.create_index(
        "items_gone", "items", ["item_id"], sqlite_where=where, postgresql_where=where
    )


def _draw_lots(operations: Operations) -> None:
    operations.create_table(
        "strata",
        Column("stratum_id", Integer, primary_key=True, autoincrement=True),
        Column("round_id", Integer, ForeignKey("rounds.round_id"), nullable=False),
        Column("band", Integer, nullable=False),
        Column("label", Text, nullable=False),
        Column("images", Integer, nullable=False),
        sqlite_autoincrement=True,
    )
    operations.create_table(
        "lots",
        Column("item_id", Integer, ForeignKey("items.item_id"), primary_key=True),
        Column("stratum_id", Integer, ForeignKey("strata.stratum_id"), nullable=False),
        Column("place", Float, nullable=False),
    )
    operations.create_index("lots_place", "lots", ["place", "item_id"])


def _seal(operations: Operations) -> None:
    """What earlier rounds said of sealed images is known to nobody any more."""
    operations.create_table(
        "sealed_predictions",
        Column("round_id", Integer, ForeignKey("rounds.round_id"), primary_key=True),
        Column("item_id", Integer, ForeignKey("items.item_id"), primary_key=True),
        Column("predicted_label", Text, nullable=False),
    )
    operations.add_column("rounds", Column("own", JSON, nullable=False, server_default="{}"))
    operations.add_column("rounds", Column("errors_left", JSON))


def _hear(operations: Operations) -> None:
    """Ask for second opinions, and keep what is said."""
    operations.create_table(
        "questions",
        Column("item_id", Integer, ForeignKey("items.item_id"), primary_key=True),
        Column("decision", Integer, nullable=False),
        Column("asker", Text, nullable=False),
        Column("asked_at", String(40), nullable=False),
    )
    operations.create_table(
        "opinions",
        Column("sequence", Integer, primary_key=True, autoincrement=True),
        Column("op_id", Text, nullable=False, unique=True),
        Column("item_id", Integer, ForeignKey("items.item_id"), nullable=False),
        Column("action", String(10), nullable=False),
        Column("label", Text, nullable=False),
        Column("reviewer", Text, nullable=False),
        Column("given_at", String(40), nullable=False),
        Column("decision", Integer, nullable=False),
        Column("differs", Boolean, nullable=False),
        Column("class_edit", Integer, nullable=False),
        Column("undoes", Text, unique=True),
        sqlite_autoincrement=True,
    )
    operations.create_index("ix_opinions_decision", "opinions", ["decision"])
    database = operations.get_bind().dialect.name
    for statement in append_only.statements(database, "opinions", append_only.OPINIONS):
        operations.execute(statement)
