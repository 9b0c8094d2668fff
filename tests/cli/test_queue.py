"""What `queue` lists when it is asked for some of the images."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from cleaner.project import Project
from cleaner.recording import Request
from tests.cli.conftest import Call
from tests.pictures import write_dataset
from tests.ranking import draw_a_suspect, open_round


def _paths(call: Call, root: Path, *options: object) -> list[str]:
    return [item["path"] for item in call("queue", root, *options, "--json").document["items"]]


def test_images_are_asked_for_by_label_status_and_file(call: Call, ranked: Project) -> None:
    root = ranked.root
    assert _paths(call, root, "--current", "dog") == ["dog/1.png"]
    assert _paths(call, root, "--suggested", "dog", "--low", 0.5) == ["cat/0.png"]
    assert _paths(call, root, "--high", 0.5) == []
    assert _paths(call, root, "--all", "--text", "OWL/") == [f"owl/{n}.png" for n in range(4)]
    assert _paths(call, root, "--status", "unreviewed", "--order", "-file", "--limit", 1) == [
        "owl/3.png"
    ]


def test_decisions_are_asked_for_by_who_made_them(call: Call, ranked: Project) -> None:
    first, second = ranked.queue()
    ranked.decide([Request(first.item_id, "accept")], reviewer="ann")
    ranked.decide([Request(second.item_id, "exclude")], reviewer="ann")
    found = _paths(call, ranked.root, "--reviewer", "ann", "--order", "-decided")
    assert found == ["dog/1.png", "cat/0.png"]
    assert _paths(call, ranked.root, "--reviewer", "ann", "--status", "excluded") == ["dog/1.png"]


def test_an_image_to_be_looked_at_blind_is_listed_last_without_what_the_model_says(
    call: Call, ranked: Project
) -> None:
    blind = draw_a_suspect(ranked)
    *_, last = call("queue", ranked.root, "--json").document["items"]
    assert (last["path"], last["is_blind"], last["reasons"]) == (blind.path, True, [])
    assert last["suggested_label"] == last["current_label"]
    assert not last["self_confidence"] + last["suggested_confidence"] + last["label_quality"]
    table = call("queue", ranked.root, "--text", blind.path).out
    assert blind.suggested_label not in table
    assert "to be looked at blind" in table
    assert blind.path not in _paths(call, ranked.root, "--suggested", blind.suggested_label)
    assert blind.path not in _paths(call, ranked.root, "--order", "self_confidence")
    assert blind.path in _paths(call, ranked.root, "--order", "file")


def test_a_table_says_nothing_of_it_either(call: Call, ranked: Project, tmp_path: Path) -> None:
    blind = draw_a_suspect(ranked)
    call("export", ranked.root, tmp_path / "labels.csv", "--format", "csv")
    with (tmp_path / "labels.csv").open(newline="", encoding="utf-8") as lines:
        rows = {row["path"]: row for row in csv.DictReader(lines)}
    qualities = ("label_quality", "self_confidence", "suggested_label", "flagged", "reasons")
    assert not any(rows[blind.path][name] for name in qualities)
    assert any(row["label_quality"] for row in rows.values())


def test_once_decided_it_is_listed_with_what_the_model_says(call: Call, ranked: Project) -> None:
    blind = draw_a_suspect(ranked)
    ranked.decide([Request(blind.item_id, "accept")])
    (now,) = call("queue", ranked.root, "--status", "accepted", "--json").document["items"]
    assert (now["suggested_label"], now["is_blind"]) == (blind.suggested_label, False)


def test_where_nothing_matches_it_is_said(call: Call, ranked: Project) -> None:
    assert call("queue", ranked.root, "--text", "nowhere").out == "No image matches.\n"


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--current", "bird", "no class 'bird'"),
        ("--status", "open", "Known: awaiting"),
        ("--reason", "bad", "Known: rival"),
        ("--order", "sideways", "Known: rank"),
        ("--low", "2", "from 0 to 1"),
    ],
)
def test_what_means_nothing_is_refused_in_one_line(
    call: Call, ranked: Project, option: str, value: str, words: str
) -> None:
    refused = call("queue", ranked.root, option, value)
    assert refused.code == 1
    assert words in refused.complaint
    assert len(refused.err.splitlines()) == 1


def test_all_and_a_status_exclude_each_other(call: Call, ranked: Project) -> None:
    assert call("queue", ranked.root, "--all", "--status", "moved").code == 2


def test_a_class_is_named_by_its_bytes_or_as_it_is_shown(call: Call, tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    project = Project(write_dataset(tmp_path / "odd", {name: 2, "<b>": 2}))
    project.scan()
    open_round(project, flagged={f"{name}/0.png": "<b>", "<b>/1.png": name})
    project.store.close()
    for typed in (name, "caf\\xe9"):
        assert _paths(call, project.root, "--current", typed) == ["caf\\xe9/0.png"]
        assert _paths(call, project.root, "--suggested", typed) == ["<b>/1.png"]
