"""Version 3: the queue can be asked for some of its images, and by several people at once.

The log says why each image was shown. Findings name the images they are about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Integer,
    String,
    Text,
    false,
    text,
    true,
)

from cleaner.store import append_only
from cleaner.store.tables import Words

if TYPE_CHECKING:
    from alembic.operations import Operations

# How the reasons of each kind begin; what follows may be the name of any class.
_BEGINNINGS = {
    "rival": "Looks like ",
    "torn": "Torn between ",
    "views": "The views disagree: ",
    "models": "The models disagree: ",
    "lonely": "Few of the images most like it are labelled ",
}
_REASONS = {
    "sqlite": "json_each(reasons) AS reason",
    "postgresql": "json_array_elements_text(reasons) AS reason(value)",
}
_KIND = """CASE WHEN EXISTS (
    SELECT 1 FROM {reasons} WHERE reason.value LIKE '{beginning}%'
) THEN ' {kind}' ELSE '' END"""

_GIVEN_BY = """
SELECT max(made.sequence) FROM decisions AS made
WHERE made.item_id = items.item_id AND made.action <> 'undo'
AND NOT EXISTS (SELECT 1 FROM decisions AS undo WHERE undo.undoes = made.op_id)
"""


def upgrade(operations: Operations) -> None:
    """Add what version 3 has and version 2 has not."""
    _name_decisions(operations)
    _name_reasons(operations)
    _count_given_labels(operations)
    operations.create_table(
        "picks",
        Column("pick_id", String(16), primary_key=True),
        Column("item_id", Integer, ForeignKey("items.item_id"), primary_key=True),
        Column("made_at", String(40), nullable=False),
    )
    # Why an image was shown is known while it is decided about; afterwards it is ranked anew.
    operations.add_column("decisions", Column("reason", Text))
    operations.create_index("ix_decisions_reviewer", "decisions", ["reviewer"])
    # What the signals said of a round that is over is known to nobody any more.
    operations.add_column("scores", Column("signals", JSON, nullable=False, server_default="{}"))
    operations.add_column("rounds", Column("ready", Boolean, nullable=False, server_default=true()))
    operations.create_table(
        "leases",
        Column("item_id", Integer, ForeignKey("items.item_id"), primary_key=True),
        Column("holder", String(64), nullable=False),
        Column("expires_at", Float, nullable=False),
    )
    _log_class_edits(operations)
    _link_findings(operations)
    _remember_dismissals(operations)
    operations.add_column("items", Column("looks", Text, nullable=False, server_default=""))


def _log_class_edits(operations: Operations) -> None:
    operations.create_table(
        "class_edits",
        Column("edit_id", Integer, primary_key=True, autoincrement=True),
        Column("kind", String(10), nullable=False),
        Column("name", Text, nullable=False),
        Column("new_name", Text),
        Column("images", Integer, nullable=False),
        Column("reviewer", Text, nullable=False),
        Column("edited_at", String(40), nullable=False),
        Column("after_decision", Integer, nullable=False),
        Column("after_item", Integer, nullable=False),
        Column("round_id", Integer),
        Column("undoes", Integer, unique=True),
        sqlite_autoincrement=True,
    )
    database = operations.get_bind().dialect.name
    for statement in append_only.statements(database, "class_edits", append_only.CLASS_EDITS):
        operations.execute(statement)


def _count_given_labels(operations: Operations) -> None:
    present = "present = 1" if operations.get_bind().dialect.name == "sqlite" else "present"
    operations.drop_index("items_counts", "items")
    operations.create_index(
        "items_counts",
        "items",
        ["status", "current_label", "given_label"],
        sqlite_where=text(present),
        postgresql_where=text(present),
    )


def _name_decisions(operations: Operations) -> None:
    operations.add_column("items", Column("decision", Integer))
    operations.execute(
        f"UPDATE items SET decision = ({_GIVEN_BY}) WHERE status <> 'unreviewed'"  # noqa: S608
    )
    where = text("decision IS NOT NULL")
    operations.create_index(
        "items_decision", "items", ["decision"], sqlite_where=where, postgresql_where=where
    )


def _name_reasons(operations: Operations) -> None:
    operations.add_column(
        "scores", Column("reason_kinds", String(60), nullable=False, server_default="")
    )
    reasons = _REASONS[operations.get_bind().dialect.name]
    kinds = " || ".join(
        _KIND.format(reasons=reasons, beginning=beginning, kind=kind)
        for kind, beginning in _BEGINNINGS.items()
    )
    latest = "round_id = (SELECT max(round_id) FROM rounds) AND flagged"
    operations.execute(
        f"UPDATE scores SET reason_kinds = trim({kinds}) WHERE {latest}"  # noqa: S608
    )


def _link_findings(operations: Operations) -> None:
    """Findings of before name paths alone; the next scan finds them again, with their images."""
    for column in (
        Column("found_by", String(10), nullable=False, server_default="scan"),
        Column("needs", Integer, nullable=False, server_default="0"),
        Column("dismissed", Boolean, nullable=False, server_default=false()),
    ):
        operations.add_column("findings", column)
    operations.create_table(
        "finding_items",
        Column("finding_id", Integer, ForeignKey("findings.finding_id"), primary_key=True),
        Column("item_id", Integer, ForeignKey("items.item_id"), primary_key=True),
        Column("place", Integer, nullable=False),
    )
    operations.create_index("ix_finding_items_item_id", "finding_items", ["item_id"])


def _remember_dismissals(operations: Operations) -> None:
    operations.create_table(
        "dismissals",
        Column("dismissal_id", Integer, primary_key=True, autoincrement=True),
        Column("kind", String(40), nullable=False),
        Column("contents", JSON, nullable=False),
        Column("reviewer", Words, nullable=False),
        Column("dismissed_at", String(40), nullable=False),
        sqlite_autoincrement=True,
    )
    operations.create_index("ix_dismissals_kind", "dismissals", ["kind"])
