"""A database of an earlier version opens with all that was in it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import inspect

from cleaner.errors import StoreError
from cleaner.project import Project
from cleaner.recording import Request
from cleaner.store import (
    Store,
    catalogue,
    class_edits,
    decisions,
    findings,
    jobs,
    models,
    moves,
    rounds,
)
from cleaner.store.migrations import SCHEMA_VERSION
from tests.postgres import Server
from tests.ranking import open_round

_TELL_REASONS = """
UPDATE scores SET reasons =
'["Torn between a (40%) and b (35%)", "The views disagree: 1 of 4 see the label"]' WHERE flagged
"""
_PROJECT = Path(__file__).resolve().parent.parent.parent
_VERSIONS = Path(__file__).parent / "versions"
_CAFE = os.fsdecode(b"caf\xe9")

# Takes a database back to an earlier version, where no dump of that version was ever made.
_BACK_TO_3 = """
DROP TABLE lots, strata, sealed_predictions, questions, opinions;
DROP FUNCTION opinions_only_append;
DROP INDEX items_gone;
ALTER TABLE rounds DROP COLUMN own, DROP COLUMN errors_left;
UPDATE facts SET value = '3' WHERE name = 'schema';
"""
_BACK_TO_2 = """
DROP INDEX ix_decisions_reviewer;
ALTER TABLE decisions DROP COLUMN reason;
DROP TABLE picks, leases, class_edits;
DROP FUNCTION class_edits_only_append;
ALTER TABLE rounds DROP COLUMN ready;
DROP TABLE finding_items, dismissals;
ALTER TABLE findings DROP COLUMN found_by, DROP COLUMN needs, DROP COLUMN dismissed;
ALTER TABLE items DROP COLUMN looks;
ALTER TABLE items DROP COLUMN decision;
ALTER TABLE scores DROP COLUMN reason_kinds, DROP COLUMN signals;
UPDATE facts SET value = '2' WHERE name = 'schema';
"""
_BACK_TO_1 = """
DROP FUNCTION decisions_only_append CASCADE;
DROP INDEX findings_severity, items_counts;
ALTER TABLE items DROP COLUMN misplaced;
ALTER TABLE rounds DROP COLUMN reviewed, DROP COLUMN relabelled, DROP COLUMN excluded;
UPDATE facts SET value = '1' WHERE name = 'schema';
"""

# Dies without a word, as a kill would make it, before the statement of this number.
_DIE = """
import os, sys
from pathlib import Path
from sqlalchemy import event
from sqlalchemy.engine import Engine
from cleaner.store import Store

left = [int(sys.argv[2])]

@event.listens_for(Engine, "before_cursor_execute")
def count(*_arguments):
    left[0] -= 1
    if left[0] < 0:
        os._exit(9)

Store(Path(sys.argv[1]))
"""
_OPEN = "import sys, pathlib, cleaner.store; cleaner.store.Store(pathlib.Path(sys.argv[1]))"

_NAMES = {
    "sqlite": {
        "indexes": "SELECT name FROM sqlite_master WHERE type = 'index'",
        "triggers": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    },
    "postgresql": {
        "indexes": "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()",
        "triggers": "SELECT trigger_name FROM information_schema.triggers "
        "WHERE trigger_schema = current_schema()",
    },
}


def _database_of(version: int, folder: Path) -> Path:
    """Return a database file as that version wrote it."""
    path = folder / "cleaner.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        dump = _VERSIONS / f"version-{version}.sql"
        connection.executescript(dump.read_text(encoding="utf-8"))
        connection.execute("PRAGMA journal_mode = WAL")
    return path


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A database file of version 1."""
    return _database_of(1, tmp_path)


def _rows(path: Path, table: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608


def _schema(store: Store) -> dict[str, set[str]]:
    """Return the columns of each table, and the names of indexes and triggers."""
    with store.read() as connection:
        looked_at = inspect(connection)
        found = {
            table: {column["name"] for column in looked_at.get_columns(table)}
            for table in looked_at.get_table_names()
        }
        for what, statement in _NAMES[connection.dialect.name].items():
            found[what] = {row[0] for row in connection.exec_driver_sql(statement)}
    return found


def test_all_that_version_1_knew_is_there(old: Path) -> None:
    store = Store(old)
    with store.read() as connection:
        items = {item.item_id: item for item in catalogue.all_items(connection)}
        standing = [decision.op_id for decision in decisions.standing(connection)]
        history = decisions.history(connection)
        first, second = rounds.history(connection)
        queue = rounds.queue_page(connection)
        done = moves.done(connection)
        (job,) = jobs.recent(connection)
        (model,) = models.all_models(connection)
        kinds = [finding.kind for finding in findings.all_findings(connection)]
        classes = catalogue.class_names(connection)
    store.close()
    assert len(items) == 11
    assert (items[1].path, items[1].given_label, items[1].current_label) == (
        "owl/0~2.png",
        _CAFE,
        "owl",
    )
    assert (items[7].status, items[7].quarantined) == ("excluded", True)
    assert classes == (_CAFE, "cat", "dog", "owl")
    assert len(history) == 10
    assert standing == [f"operation-{number}" for number in (9, 8, 7, 4, 3, 2, 1)]
    assert (first.reviewed, first.relabelled, first.excluded) == (4, 3, 1)
    assert (second.reviewed, second.relabelled, second.excluded) == (1, 0, 0)
    assert [item.path for item in queue] == ["dog/0.png"]
    assert [move.move_id for move in done] == [1, 2, 3, 4]
    assert (job.kind, job.state, model.model_id) == ("score", "done", "m1")
    assert kinds == ["unreadable", "exact_duplicate"]


def test_all_that_version_2_knew_is_there(tmp_path: Path) -> None:
    store = Store(_database_of(2, tmp_path))
    with store.read() as connection:
        items = {item.item_id: item for item in catalogue.all_items(connection)}
        history = decisions.history(connection)
        first, second = rounds.history(connection)
        queue = rounds.queue_page(connection)
        done = moves.done(connection)
        (job,) = jobs.recent(connection)
        (model,) = models.all_models(connection)
        kinds = [finding.kind for finding in findings.all_findings(connection)]
    store.close()
    assert len(items) == 13
    assert (items[1].path, items[1].given_label, items[1].current_label) == (
        "owl/0~2.png",
        _CAFE,
        "owl",
    )
    assert (items[8].status, items[8].quarantined) == ("excluded", True)
    assert len(history) == 11
    assert (first.reviewed, second.reviewed) == (4, 1)
    assert [item.path for item in queue] == ["dog/0.png"]
    assert [move.move_id for move in done] == [1, 2, 3, 4]
    assert (job.kind, job.state, model.model_id) == ("score", "done", "m1")
    assert kinds == ["unreadable", "exact_duplicate"]


def test_all_that_version_3_knew_is_there(tmp_path: Path) -> None:
    store = Store(_database_of(3, tmp_path))
    with store.read() as connection:
        items = {item.item_id: item for item in catalogue.all_items(connection)}
        history = decisions.history(connection)
        first, second = rounds.history(connection)
        queue = rounds.queue_page(connection)
        told = class_edits.lineage(connection).of_item("owl", 13)
        done = moves.done(connection)
        (job,) = jobs.recent(connection)
        (model,) = models.all_models(connection)
        kinds = [finding.kind for finding in findings.all_findings(connection)]
    store.close()
    assert len(items) == 14
    assert (items[1].path, items[1].given_label, items[1].current_label) == (
        "bird/0.png",
        _CAFE,
        "bird",
    )
    assert (items[8].status, items[8].quarantined) == ("excluded", True)
    assert (len(history), told) == (7, "bird")
    assert (first.reviewed, first.relabelled, first.excluded) == (4, 2, 1)
    assert second.reviewed == 0
    assert [item.path for item in queue] == ["dog/0.png", "dog/2.png"]
    assert [move.move_id for move in done] == [1, 2, 3, 4, 5, 6, 7]
    assert (job.kind, job.state, model.model_id) == ("score", "done", "m1")
    assert kinds == ["unreadable"]  # somebody said of the other one that it is fine


def test_version_3_finds_out_which_decision_gave_each_status(tmp_path: Path) -> None:
    path = _database_of(2, tmp_path)
    Store(path).close()
    with closing(sqlite3.connect(path)) as connection:
        given_by = dict(connection.execute("SELECT item_id, decision FROM items"))
    decided = {1: 4, 2: 11, 4: 1, 8: 2, 11: 10, 12: 9, 13: 8}
    assert given_by == dict.fromkeys(range(1, 14)) | decided


# Image 2 is suspected of a class whose name reads like the beginning of another reason.
_REASONS = {7: "rival views", 11: "torn models lonely", 2: "rival"}


def test_version_3_tells_the_kinds_of_the_reasons_of_the_latest_round(tmp_path: Path) -> None:
    path = _database_of(2, tmp_path)
    Store(path).close()
    with closing(sqlite3.connect(path)) as connection:
        told = dict(connection.execute("SELECT item_id, reason_kinds FROM scores WHERE flagged"))
    assert {item_id: told[item_id] for item_id in _REASONS} == _REASONS


@pytest.mark.parametrize("version", [1, 2, 3])
def test_what_was_moved_before_is_not_moved_again(tmp_path: Path, version: int) -> None:
    store = Store(_database_of(version, tmp_path))
    with store.read() as connection:
        assert catalogue.misplaced(connection) == 0
    store.close()


@pytest.mark.parametrize("version", [1, 2, 3])
def test_the_database_is_copied_before_it_is_changed(tmp_path: Path, version: int) -> None:
    old = _database_of(version, tmp_path)
    before = _rows(old, "decisions")
    store = Store(old)
    store.close()
    (copy,) = (old.parent / "backups").iterdir()
    assert store.upgrade is not None
    assert (store.upgrade.before, store.upgrade.after) == (version, SCHEMA_VERSION)
    assert store.upgrade.backup == str(copy)
    assert ("schema", str(version)) in _rows(copy, "facts")
    assert _rows(copy, "decisions") == before
    assert copy.name.startswith(f"cleaner-v{version}-")


def test_only_the_first_opening_has_something_to_do(old: Path) -> None:
    Store(old).close()
    again = Store(old)
    again.close()
    assert again.upgrade is None
    assert len(list((old.parent / "backups").iterdir())) == 1


@pytest.mark.parametrize("version", [1, 2, 3])
def test_an_upgraded_database_is_like_a_new_one(tmp_path: Path, version: int) -> None:
    upgraded, new = Store(_database_of(version, tmp_path)), Store(tmp_path / "new.sqlite")
    assert _schema(upgraded) == _schema(new)
    upgraded.close()
    new.close()


@pytest.mark.parametrize("statements", [1, 3, 6, 9, 12, 15, 18, 21, 24, 27])
def test_a_kill_amid_the_upgrade_leaves_what_was_there(old: Path, statements: int) -> None:
    died = subprocess.run([sys.executable, "-c", _DIE, old, str(statements)], cwd=_PROJECT)
    assert died.returncode == 9
    assert ("schema", "1") in _rows(old, "facts")
    test_all_that_version_1_knew_is_there(old)


def test_of_several_processes_one_upgrades_and_the_others_wait(old: Path) -> None:
    openers = [subprocess.Popen([sys.executable, "-c", _OPEN, old], cwd=_PROJECT) for _ in range(4)]
    assert [opener.wait(timeout=240) for opener in openers] == [0, 0, 0, 0]
    assert len(list((old.parent / "backups").iterdir())) == 1
    test_all_that_version_1_knew_is_there(old)


def test_without_a_copy_nothing_is_changed(old: Path) -> None:
    (old.parent / "backups").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be copied"):
        Store(old)
    assert ("schema", "1") in _rows(old, "facts")


@pytest.mark.parametrize(
    "back",
    [_BACK_TO_3 + _BACK_TO_2 + _BACK_TO_1, _BACK_TO_3 + _BACK_TO_2],
    ids=["1", "2"],
)
def test_a_server_is_upgraded_in_one_step_and_keeps_a_copy(
    dataset: Path, server: Server, back: str
) -> None:
    url = server.new_url()
    project = Project(dataset, store=url)
    project.scan()
    open_round(project, flagged={"cat/0.png": "dog", "dog/0.png": "owl"})
    project.decide([Request(project.queue()[0].item_id, "accept")])
    server.run(url, _TELL_REASONS)
    like_new = _schema(project.store)
    images = project.dataset().items
    project.store.close()
    server.run(url, back)
    again = Project(dataset)
    assert again.store.upgrade is not None
    assert _schema(again.store) == like_new
    assert again.dataset().items == images
    schema = again.store.upgrade.backup.split()[1]
    assert len(server.run(url, f"TABLE {schema}.items")) == 12
    assert server.run(url, "SELECT decision FROM items WHERE decision IS NOT NULL") == [(1,)]
    assert server.run(url, "SELECT reason_kinds FROM scores WHERE flagged") == [("torn views",)] * 2
    again.store.close()
