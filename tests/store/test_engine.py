from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import update

from cleaner.errors import StoreError, StoreTooNew
from cleaner.store import Store, catalogue
from cleaner.store.tables import facts

_PROJECT = Path(__file__).resolve().parent.parent.parent

_COUNT_UP = """
import sys
from pathlib import Path
from cleaner.store import Store, catalogue

store = Store(Path(sys.argv[1]))
for _ in range(25):
    with store.write() as connection:
        count = int(catalogue.fact(connection, "count") or 0)
        catalogue.set_facts(connection, {"count": str(count + 1)})
"""


def test_what_was_written_is_there_after_reopening(tmp_path: Path) -> None:
    first = Store(tmp_path / "cleaner.sqlite")
    with first.write() as connection:
        catalogue.set_facts(connection, {"root": "here"})
    first.close()
    second = Store(tmp_path / "cleaner.sqlite")
    with second.read() as connection:
        assert catalogue.fact(connection, "root") == "here"
    second.close()


def test_an_exception_keeps_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "cleaner.sqlite")

    def write_and_fail() -> None:
        with store.write() as connection:
            catalogue.set_facts(connection, {"root": "here"})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    with store.read() as connection:
        assert catalogue.fact(connection, "root") is None
    store.close()


def test_writers_in_several_processes_queue_up_and_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "cleaner.sqlite"
    Store(path).close()
    writers = [
        subprocess.Popen([sys.executable, "-c", _COUNT_UP, str(path)], cwd=_PROJECT)
        for _ in range(4)
    ]
    assert [writer.wait(timeout=50) for writer in writers] == [0, 0, 0, 0]
    store = Store(path)
    with store.read() as connection:
        assert catalogue.fact(connection, "count") == "100"
    store.close()


def test_a_reader_sees_one_moment(tmp_path: Path) -> None:
    store = Store(tmp_path / "cleaner.sqlite")
    with store.read() as reader:
        before = catalogue.fact(reader, "root")
        with store.write() as writer:
            catalogue.set_facts(writer, {"root": "here"})
        assert catalogue.fact(reader, "root") == before
    store.close()


def test_a_database_of_a_later_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cleaner.sqlite"
    store = Store(path)
    with store.write() as connection:
        connection.execute(update(facts).where(facts.c.name == "schema").values(value="99"))
    store.close()
    with pytest.raises(StoreTooNew, match="schema 99"):
        Store(path)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "cleaner.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match=r"cleaner\.sqlite"):
        Store(tmp_path / "cleaner.sqlite")


def test_decisions_survive_a_power_cut(tmp_path: Path) -> None:
    store = Store(tmp_path / "cleaner.sqlite")
    with store.read() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    store.close()


def test_foreign_keys_are_held(tmp_path: Path) -> None:
    store = Store(tmp_path / "cleaner.sqlite")
    with store.read() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    store.close()
    assert sqlite3.sqlite_version_info >= (3, 35)  # for RETURNING
