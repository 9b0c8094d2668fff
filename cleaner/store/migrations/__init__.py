"""From a database of an earlier version to this one's: one file a version, never changed after.

The version stands in `facts`, where also an older Cleaner looks before it reads anything else.
Alembic writes the statements, in the words of the database at hand; it is loaded only here and
only then, since most databases need nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlalchemy import Connection, update

from cleaner.store.migrations import version_2, version_3, version_4
from cleaner.store.tables import facts

if TYPE_CHECKING:
    from alembic.operations import Operations

SCHEMA_VERSION = 4
STEPS: dict[int, Callable[[Operations], None]] = {
    2: version_2.upgrade,
    3: version_3.upgrade,
    4: version_4.upgrade,
}


def run(connection: Connection, version: int) -> None:
    """Take the database from `version` to SCHEMA_VERSION, in the caller's transaction."""
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext

    operations = Operations(MigrationContext.configure(connection))
    for number in range(version + 1, SCHEMA_VERSION + 1):
        STEPS[number](operations)
    connection.execute(
        update(facts).where(facts.c.name == "schema").values(value=str(SCHEMA_VERSION))
    )
