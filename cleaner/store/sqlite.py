"""How SQLite is opened, how its writers queue up, and how it is copied before a change."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.exc import DBAPIError

from cleaner.errors import StoreError
from cleaner.store.turns import turn

# Only against somebody who writes past our queue, such as the sqlite3 shell.
_BUSY_TIMEOUT_SECONDS = 30

_DAMAGED = (
    "Keep a copy of it. `sqlite3 FILE .recover` saves what can be saved, `backups` beside it may "
    "hold an earlier one, and the manifest of an export gives decisions back with `import`."
)
_ADVICE = {
    "SQLITE_BUSY": "Another program holds it; close that, such as a sqlite3 shell, and try again.",
    "SQLITE_FULL": "The disk is full. Make room and try again; what was answered is kept.",
    "SQLITE_READONLY": "Make the file and its folder writable, or name another with --state.",
    "SQLITE_CORRUPT": _DAMAGED,
    "SQLITE_NOTADB": _DAMAGED,
}


class SqliteFile:
    """One database file beside the dataset."""

    advice = (
        "Check that the folder is writable and the disk not full, or name another one with --state."
    )
    other_choice = "Move it away to start anew, or name another state folder with --state."

    def __init__(self, path: Path) -> None:
        self.shown = str(path)
        self._path = path
        # Built from its parts: in a URL written out, "?" and "%" in a path mean something.
        self.reader = create_engine(
            URL.create("sqlite", database=str(path)),
            connect_args={"timeout": _BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
        )
        event.listen(self.reader, "connect", _prepare)
        event.listen(self.reader, "begin", _begin)
        self.writer = self.reader.execution_options(begin="BEGIN IMMEDIATE")

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for the right to write, first come, first served."""
        with ExitStack() as stack:
            try:
                stack.enter_context(turn(Path(f"{self._path}.lock")))
            except OSError as error:
                raise StoreError(
                    f"{self.shown}: cannot be written ({error.strerror}). {self.advice}"
                ) from error
            yield

    def advice_on(self, error: DBAPIError) -> str:
        """Return what to do about an error."""
        # Such as SQLITE_IOERR_WRITE: the first two parts are the kind.
        name = getattr(error.orig, "sqlite_errorname", "")
        return _ADVICE.get("_".join(name.split("_")[:2]), self.advice)

    def is_there(self) -> bool:
        """Tell whether the file was not deleted under us."""
        return self._path.is_file()

    def back_up(self, _connection: Connection, version: int) -> str:
        """Copy the database as it is and return the copy's path; the caller holds the lock."""
        folder = self._path.parent / "backups"
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        copy = folder / f"{self._path.stem}-v{version}-{stamp}.sqlite"
        unfinished = folder / f"{self._path.stem}-v{version}.part"
        try:
            folder.mkdir(exist_ok=True)
            unfinished.unlink(missing_ok=True)  # of a copy that was killed
            _copy(self._path, unfinished)
            unfinished.replace(copy)
            _sync(folder)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"{folder}: the database cannot be copied there before it is brought up to date "
                f"({error}). {self.advice}"
            ) from error
        return str(copy)


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # SQLAlchemy's begin event says when, not the driver
    connection.execute("PRAGMA journal_mode = WAL")
    # FULL: a decision that was answered is on the disk, also after a power cut.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
    with target.open("rb") as written:
        os.fsync(written.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
