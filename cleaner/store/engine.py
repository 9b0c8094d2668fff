"""Open the database, bring it up to date, and begin transactions that do not step on each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, insert, inspect, select
from sqlalchemy.exc import (
    DatabaseError,
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    InternalError,
    ProgrammingError,
)

from cleaner.errors import StoreError, StoreTooNew
from cleaner.store import migrations
from cleaner.store.migrations import SCHEMA_VERSION
from cleaner.store.postgres import Server
from cleaner.store.sqlite import SqliteFile
from cleaner.store.tables import facts, metadata

# Statements or values that are wrong; the database is well.
_OURS = (DataError, IntegrityError, InternalError, ProgrammingError)


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What opening a database of an earlier version did.

    Attributes:
        before: its version until then.
        after: its version now.
        backup: where the copy from before is, in words.
    """

    before: int
    after: int
    backup: str

    def __str__(self) -> str:
        return (
            f"The database was brought from version {self.before} to {self.after}; "
            f"as it was before, it is kept in {self.backup}."
        )


class Store:
    """One dataset's database: a SQLite file, or a PostgreSQL server by its URL.

    Attributes:
        shown: where it is, as people may see it: without a password.
        upgrade: what was done to a database of an earlier version, or None.

    Raises:
        StoreError: it cannot be opened, or is damaged.
        StoreTooNew: a later version of this project wrote it.
    """

    def __init__(self, where: Path | str) -> None:
        self._database = SqliteFile(where) if isinstance(where, Path) else Server(where)
        self.shown = self._database.shown
        self.upgrade: Upgrade | None = None
        try:
            self._open()
        except DatabaseError as error:
            self.close()
            raise StoreError(
                f"{self.shown}: not a database of this project, or damaged ({_reason(error)}). "
                f"{self._database.other_choice}"
            ) from error
        except StoreError:
            self.close()
            raise

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection whose statements see one moment in time.

        Raises:
            StoreError: the database cannot be read.
        """
        with self._explained(), self._database.reader.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Yield a connection whose statements are all kept or, on an exception, none.

        Writers take turns from the start. A transaction that turns into a writer later would
        fail with "database is locked", or have to be tried again.

        Raises:
            StoreError: nothing was kept, such as on a full disk.
        """
        with (
            self._explained(),
            self._database.turn(),
            self._database.writer.begin() as connection,
        ):
            yield connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (DatabaseError, InterfaceError) as error:
            if isinstance(error, _OURS):
                raise
            raise StoreError(
                f"{self.shown}: the database cannot be used ({_reason(error)}). "
                f"{self._database.advice_on(error)}"
            ) from error

    def is_there(self) -> bool:
        """Tell whether the database was not deleted under us."""
        return self._database.is_there()

    def close(self) -> None:
        """Give all connections back."""
        self._database.reader.dispose()

    def _open(self) -> None:
        with self.read() as connection:
            if self._version(connection) == SCHEMA_VERSION:
                return  # without waiting for whoever is writing
        with self.write() as connection:
            version = self._version(connection)  # somebody else may have been here first
            if version is None:
                metadata.create_all(connection)
                connection.execute(insert(facts).values(name="schema", value=str(SCHEMA_VERSION)))
            elif version < SCHEMA_VERSION:
                backup = self._database.back_up(connection, version)
                migrations.run(connection, version)
                self.upgrade = Upgrade(version, SCHEMA_VERSION, backup)

    def _version(self, connection: Connection) -> int | None:
        if not inspect(connection).has_table("facts"):
            return None
        found = connection.scalar(select(facts.c.value).where(facts.c.name == "schema"))
        if found is None or int(found) > SCHEMA_VERSION:
            raise StoreTooNew(
                f"{self.shown}: written by a later version (schema {found}; this one reads up to "
                f"{SCHEMA_VERSION}). Install the later version, or name another state folder."
            )
        return int(found)


def _reason(error: DBAPIError) -> str:
    return " ".join(str(error.orig).split())
