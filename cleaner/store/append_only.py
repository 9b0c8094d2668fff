"""What makes the database itself refuse to change a decision that was recorded."""

from __future__ import annotations

_SQLITE = (
    """
CREATE TRIGGER decisions_never_change BEFORE UPDATE ON decisions BEGIN
    SELECT RAISE(ABORT, 'decisions are only appended to');
END""",
    """
CREATE TRIGGER decisions_never_go BEFORE DELETE ON decisions BEGIN
    SELECT RAISE(ABORT, 'decisions are only appended to');
END""",
    # INSERT OR REPLACE deletes without asking the trigger above.
    """
CREATE TRIGGER decisions_never_replaced BEFORE INSERT ON decisions
WHEN EXISTS (SELECT 1 FROM decisions WHERE sequence = NEW.sequence)
OR EXISTS (SELECT 1 FROM decisions WHERE op_id = NEW.op_id)
OR EXISTS (SELECT 1 FROM decisions WHERE undoes = NEW.undoes) BEGIN
    SELECT RAISE(ABORT, 'decisions are only appended to');
END""",
)
_POSTGRESQL = (
    """
CREATE FUNCTION decisions_only_append() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'decisions are only appended to'
        USING ERRCODE = 'integrity_constraint_violation';
END $$""",
    """
CREATE TRIGGER decisions_never_change BEFORE UPDATE OR DELETE OR TRUNCATE ON decisions
FOR EACH STATEMENT EXECUTE FUNCTION decisions_only_append()""",
)

# By SQLAlchemy's name of the database.
STATEMENTS = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}
