from __future__ import annotations

import csv
from pathlib import Path

import pytest

from cleaner.project import Project
from tests.cli.conftest import Call

ENTRY_KEYS = {
    "decided_at",
    "reviewer",
    "path",
    "action",
    "label_before",
    "label_after",
    "reason",
    "round_id",
    "is_undone",
    "item_id",
    "op_id",
    "undoes",
}


@pytest.fixture
def decided(call: Call, ranked: Project) -> Project:
    call("decide", ranked.root, "cat/0.png", "move", "dog", "--reviewer", "Ann")
    call("decide", ranked.root, "dog/1.png", "exclude")
    return ranked


def test_history_lists_what_was_decided_the_latest_first(call: Call, decided: Project) -> None:
    entries = call("history", decided.root, "--json").document["decisions"]
    assert [(entry["path"], entry["action"]) for entry in entries] == [
        ("dog/1.png", "exclude"),
        ("cat/0.png", "move"),
    ]
    assert entries[0].keys() == ENTRY_KEYS
    assert entries[1]["reason"] == "Looks different"


@pytest.mark.parametrize(
    ("options", "paths"),
    [
        (["--limit", "1"], ["dog/1.png"]),
        (["--reviewer", "Ann"], ["cat/0.png"]),
        (["--action", "exclude"], ["dog/1.png"]),
        (["--class", "cat"], ["cat/0.png"]),
        (["--file", "1.png"], ["dog/1.png"]),
        (["--round", "2"], []),
        (["--since", "2999-12-31"], []),
        (["--until", "2000-01-01"], []),
        (["--since", "2000-01-01"], ["dog/1.png", "cat/0.png"]),
    ],
)
def test_history_can_be_narrowed(
    call: Call, decided: Project, options: list[str], paths: list[str]
) -> None:
    entries = call("history", decided.root, "--json", *options).document["decisions"]
    assert [entry["path"] for entry in entries] == paths


def test_history_is_written_as_a_table(call: Call, decided: Project, tmp_path: Path) -> None:
    assert call("history", decided.root, "--csv", tmp_path / "log.csv").code == 0
    with (tmp_path / "log.csv").open(newline="", encoding="utf-8") as lines:
        assert [row["path"] for row in csv.DictReader(lines)] == ["dog/1.png", "cat/0.png"]


def test_a_table_that_cannot_be_written_is_one_line(call: Call, decided: Project) -> None:
    refused = call("history", decided.root, "--csv", decided.root)
    assert (refused.code, "cannot write" in refused.complaint) == (1, True)


def test_people_read_who_decided_what(call: Call, decided: Project) -> None:
    out = call("history", decided.root).out
    assert "Ann" in out
    assert "move cat -> dog" in out


def test_undo_takes_an_id_of_the_history(call: Call, decided: Project) -> None:
    op_id = call("history", decided.root, "--json").document["decisions"][1]["op_id"]
    undone = call("undo", decided.root, "--decision", op_id, "--json").document
    assert [entry["path"] for entry in undone["decisions"]] == ["cat/0.png"]
    assert call("history", decided.root, "--json").document["decisions"][2]["is_undone"] is True


def test_undo_of_what_others_build_on_is_one_line(call: Call, decided: Project) -> None:
    op_id = call("history", decided.root, "--json").document["decisions"][1]["op_id"]
    call("decide", decided.root, "cat/0.png", "accept")
    refused = call("undo", decided.root, "--decision", op_id)
    assert refused.code == 1
    assert "decided once more since" in refused.complaint


def test_undo_of_everything_brings_every_file_back(call: Call, decided: Project) -> None:
    call("apply", decided.root)
    undone = call("undo", decided.root, "--all", "--reviewer", "Bob", "--json").document
    assert (undone["undone"], undone["problems"]) == (2, [])
    assert (decided.root / "cat" / "0.png").exists()
    assert (decided.root / "dog" / "1.png").exists()
    undoes = call("history", decided.root, "--action", "undo", "--json").document["decisions"]
    assert {entry["reviewer"] for entry in undoes} == {"Bob"}


def test_undo_takes_one_choice(call: Call, decided: Project) -> None:
    refused = call("undo", decided.root, "--all", "--last", 2)
    assert (refused.code, "not both" in refused.err) == (2, True)
