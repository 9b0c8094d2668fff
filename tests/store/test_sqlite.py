from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from cleaner.errors import StoreError
from cleaner.project import Project
from cleaner.recording import Request
from cleaner.store import Store
from cleaner.store.tables import decisions


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


def test_a_decision_cannot_be_replaced(ranked: Project) -> None:
    ranked.decide([Request(ranked.queue()[0].item_id, "accept", op_id="first-one")])
    other = insert(decisions).prefix_with("OR REPLACE").values(sequence=1, op_id="other-one")
    other = other.values(item_id=1, action="skip", label_before="", label_after="")
    with pytest.raises(IntegrityError), ranked.store.write() as connection:
        connection.execute(other.values(reviewer="", decided_at=""))
    assert [decision.op_id for decision in ranked.history()] == ["first-one"]
