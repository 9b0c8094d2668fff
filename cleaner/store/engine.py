"""Open the database, and begin transactions that do not step on each other."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, create_engine, event, insert, inspect, make_url, select
from sqlalchemy.exc import DatabaseError, OperationalError

from cleaner.errors import StoreError, StoreTooNew
from cleaner.store.tables import facts, metadata

SCHEMA_VERSION = 1
_BUSY_TIMEOUT_SECONDS = 30


class Store:
    """One dataset's database: SQLite beside the dataset, or any server by its URL.

    Raises:
        StoreError: it cannot be opened, or is damaged.
        StoreTooNew: a later version of this project wrote it.
    """

    def __init__(self, where: Path | str) -> None:
        self.where = where
        # Built from its parts: in a URL written out, "?" and "%" in a path mean something.
        url = (
            URL.create("sqlite", database=str(where))
            if isinstance(where, Path)
            else make_url(where)
        )
        self._engine = create_engine(url, connect_args=_connect_arguments(url))
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _prepare_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)
        self._writer = self._engine.execution_options(begin="BEGIN IMMEDIATE")
        try:
            self._open()
        except DatabaseError as error:
            raise StoreError(
                f"{where}: not a database of this project, or damaged ({error.orig}). Move it "
                "away to start anew, or name another state folder with --state."
            ) from error

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection whose statements see one moment in time.

        Raises:
            StoreError: the database cannot be read.
        """
        with self._explained(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Yield a connection whose statements are all kept or, on an exception, none.

        A deferred SQLite transaction fails with "database is locked" when it turns into a
        writer too late; taking the lock at the start makes writers queue up instead.

        Raises:
            StoreError: nothing was kept, such as on a full disk.
        """
        with self._explained(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OperationalError as error:
            raise StoreError(
                f"{self.where}: the database cannot be used ({error.orig}). Check that the "
                "folder is writable and the disk not full, or name another one with --state."
            ) from error

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    def _open(self) -> None:
        with self.write() as connection:
            if inspect(connection).has_table("facts"):
                _refuse_newer(connection, self.where)
                return
            metadata.create_all(connection)
            connection.execute(insert(facts).values(name="schema", value=str(SCHEMA_VERSION)))


def _refuse_newer(connection: Connection, where: Path | str) -> None:
    found = connection.scalar(select(facts.c.value).where(facts.c.name == "schema"))
    if found is None or int(found) > SCHEMA_VERSION:
        raise StoreTooNew(
            f"{where}: written by a later version (schema {found}; this one reads up to "
            f"{SCHEMA_VERSION}). Install the later version, or name another state folder."
        )


def _connect_arguments(url: URL) -> dict[str, Any]:
    if url.get_backend_name() != "sqlite":
        return {}
    return {"timeout": _BUSY_TIMEOUT_SECONDS, "check_same_thread": False}


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # SQLAlchemy's begin event says when, not the driver
    connection.execute("PRAGMA journal_mode = WAL")
    # FULL: a decision that was answered is on the disk, also after a power cut.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))
