"""How a PostgreSQL server is reached, how its writers queue up, and how it is copied."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import URL, Connection, create_engine, event, inspect, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, ProgrammingError

from cleaner.errors import StoreError
from cleaner.store.tables import metadata

_FORM = "postgresql://USER@HOST/DATABASE"
_WAIT = "60s"  # a writer that waits longer than this is told so, rather than left hanging
# Any number will do, as long as everybody uses the same; other programs have theirs.
_WRITERS = 0xC1EA9E5


class Server:
    """One database of a PostgreSQL server, or one schema of it, for one dataset."""

    other_choice = "Name an empty database in which this user may create tables."

    def __init__(self, url: str) -> None:
        parsed = parse(url)
        self.shown = shown(parsed)
        try:
            # A server may restart; a connection that went stale is made anew without a word.
            engine = create_engine(parsed, pool_pre_ping=True)
        except ImportError as error:
            raise StoreError(
                f"{self.shown}: PostgreSQL needs the package psycopg, which is not installed. "
                "Run `.venv/bin/pip install -r requirements-postgres.txt`."
            ) from error
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
        self.reader = engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self.writer = engine.execution_options(writes=True)
        self._own_writers = threading.Lock()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Let one writer of this process go to the server, whose lock serves them in order.

        The others wait here and hold no connection, which readers may need meanwhile.
        """
        with self._own_writers:
            yield

    def advice_on(self, _error: DBAPIError) -> str:
        """Return what to do about an error."""
        return "Check that the server runs and takes connections, then try again."

    def is_there(self) -> bool:
        """Say yes; a server that is gone says so itself when it is asked."""
        return True

    def back_up(self, connection: Connection, version: int) -> str:
        """Copy all tables into a schema of their own and return its name in words.

        In the caller's transaction: a migration that fails leaves no copy behind.
        """
        stamp = datetime.now(UTC).strftime("%Y%m%dt%H%M%Sz")
        schema = f"cleaner_v{version}_{stamp}"
        quote = connection.dialect.identifier_preparer.quote
        existing = inspect(connection).get_table_names()
        try:
            connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
            for table in metadata.sorted_tables:
                if table.name in existing:
                    name = quote(table.name)
                    connection.exec_driver_sql(f"CREATE TABLE {schema}.{name} AS TABLE {name}")
        except ProgrammingError as error:
            raise StoreError(
                f"{self.shown}: its tables cannot be copied before they are brought up to date "
                f"({_first_line(error)}). Let this user create schemas in the database."
            ) from error
        return f"schema {schema} of {self.shown}"


def parse(text: str) -> URL:
    """Return a URL typed by somebody, with the driver that is used here.

    Raises:
        StoreError: it is none of PostgreSQL. What was typed is not repeated: it may hold a
            password.
    """
    try:
        url = make_url(text.strip())
    except ArgumentError as error:
        raise StoreError(f"What was named as the store is no URL. Expected {_FORM}.") from error
    if url.get_backend_name() not in ("postgresql", "postgres") or not url.database:
        raise StoreError(
            f"{shown(url)}: no store of this kind. Expected {_FORM}; without --store, SQLite is "
            "used, in the state folder."
        )
    return url.set(drivername="postgresql+psycopg")


def shown(url: URL) -> str:
    """Return a URL as people may see it: without password and options."""
    public = URL.create(
        url.get_backend_name(), url.username, None, url.host, url.port, url.database
    )
    return public.render_as_string()


def _prepare(connection: Any, _record: object) -> None:
    # A server may be set up to answer before the disk has it; we promise otherwise.
    connection.execute("SET synchronous_commit = on")
    connection.execute(f"SET lock_timeout = '{_WAIT}'")
    connection.commit()


def _begin(connection: Connection) -> None:
    if connection.get_execution_options().get("writes"):
        lock = f"pg_advisory_xact_lock({_WRITERS}, hashtext(current_schema()))"
        connection.exec_driver_sql(f"SELECT {lock}")


def _first_line(error: ProgrammingError) -> str:
    return str(error.orig).splitlines()[0]
