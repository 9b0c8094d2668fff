"""Where the command line remembers: a server by option or environment, an upgrade in one line."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cleaner.project import default_state
from cleaner.store.migrations import SCHEMA_VERSION
from tests.cli.conftest import Call
from tests.postgres import Server

_VERSION_1 = Path(__file__).parent.parent / "store" / "versions" / "version-1.sql"


def test_every_verb_works_on_a_server_once_it_was_named(
    call: Call, dataset: Path, server: Server
) -> None:
    assert call("scan", dataset, "--store", server.new_url()).code == 0
    assert call("decide", dataset, "cat/0.png", "move", "dog").code == 0
    assert call("apply", dataset).code == 0
    document = call("status", dataset, "--json").document
    assert (document["classes"]["dog"], document["moves_to_apply"]) == (5, 0)
    assert document["store"].startswith("postgresql://")
    assert call("undo", dataset, "--last", "1").code == 0
    assert (dataset / "cat" / "0.png").is_file()


def test_the_environment_names_a_server_too(
    call: Call, dataset: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEANER_STORE", server.new_url())
    assert call("scan", dataset).code == 0
    assert (default_state(dataset) / "store.url").is_file()


def test_a_wrong_password_is_not_repeated(call: Call, dataset: Path) -> None:
    answer = call("status", dataset, "--store", "postgresql://ann:secret@127.0.0.1:1/cats")
    assert answer.code == 1
    assert "secret" not in answer.err
    assert len(answer.err.splitlines()) == 1


def test_an_upgrade_is_said_in_one_line_beside_the_answer(call: Call, dataset: Path) -> None:
    state = default_state(dataset)
    state.mkdir()
    with closing(sqlite3.connect(state / "cleaner.sqlite")) as connection:
        connection.executescript(_VERSION_1.read_text(encoding="utf-8"))
    answer = call("status", dataset, "--json")
    assert answer.document["round"] == 2
    assert f"from version 1 to {SCHEMA_VERSION}" in answer.complaint
    assert call("status", dataset, "--json").err == ""
