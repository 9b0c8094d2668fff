"""What makes the database itself refuse to change an entry of a log."""

from __future__ import annotations

from collections.abc import Sequence


def statements(database: str, log: str, keys: Sequence[str]) -> tuple[str, ...]:
    """Return what has a table only appended to.

    Args:
        database: as SQLAlchemy names it, sqlite or postgresql.
        log: the table.
        keys: its columns whose values are each there once.
    """
    return _MAKERS[database](log, keys)


def _sqlite(log: str, keys: Sequence[str]) -> tuple[str, ...]:
    refuse = f"SELECT RAISE(ABORT, '{log} are only appended to');\nEND"
    is_there = " OR ".join(
        f"EXISTS (SELECT 1 FROM {log} WHERE {key} = NEW.{key})"  # noqa: S608 - our own names
        for key in keys
    )
    # INSERT OR REPLACE deletes without asking the trigger for that.
    replaced = f"{log}_never_replaced BEFORE INSERT ON {log} WHEN {is_there}"
    return (
        f"CREATE TRIGGER {log}_never_change BEFORE UPDATE ON {log} BEGIN {refuse}",
        f"CREATE TRIGGER {log}_never_go BEFORE DELETE ON {log} BEGIN {refuse}",
        f"CREATE TRIGGER {replaced} BEGIN {refuse}",
    )


def _postgresql(log: str, _keys: Sequence[str]) -> tuple[str, ...]:
    return (
        f"""
CREATE FUNCTION {log}_only_append() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '{log} are only appended to'
        USING ERRCODE = 'integrity_constraint_violation';
END $$""",
        f"""
CREATE TRIGGER {log}_never_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {log}
FOR EACH STATEMENT EXECUTE FUNCTION {log}_only_append()""",
    )


_MAKERS = {"sqlite": _sqlite, "postgresql": _postgresql}

DECISIONS = ("sequence", "op_id", "undoes")
OPINIONS = ("sequence", "op_id", "undoes")
CLASS_EDITS = ("edit_id", "undoes")
