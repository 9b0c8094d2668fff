"""`audits`, for people and for scripts."""

from __future__ import annotations

import csv
from pathlib import Path

from tests.cli.conftest import Call
from tests.pictures import write_image


def test_kinds_are_listed_with_their_counts(call: Call, dataset: Path) -> None:
    write_image(dataset / "cat" / "copy.png", seed=0)
    call("scan", dataset)
    assert call("audits", dataset, "--json").document["kinds"] == [
        {
            "kind": "exact_duplicate",
            "severity": "info",
            "findings": 1,
            "images": 2,
            "dismissed": 0,
        }
    ]
    assert "exact_duplicate" in call("audits", dataset).out


def test_one_of_each_copy_is_kept(call: Call, dataset: Path) -> None:
    write_image(dataset / "cat" / "copy.png", seed=0)
    call("scan", dataset)
    asked = ("audits", dataset, "--kind", "exact_duplicate")
    planned = call(*asked, "--keep-one", "--dry-run", "--json").document
    assert (planned["kept"], planned["excluded"]) == (["cat/0.png"], ["cat/copy.png"])
    assert call(*asked, "--keep-one", "--json").document["recorded"] == 1
    assert call(*asked, "--json").document["findings"] == []
    call("undo", dataset)
    assert len(call(*asked, "--json").document["findings"]) == 1


def test_a_dismissed_kind_is_quiet_until_it_is_restored(call: Call, dataset: Path) -> None:
    write_image(dataset / "cat" / "copy.png", seed=0)
    call("scan", dataset)
    asked = ("audits", dataset, "--kind", "exact_duplicate", "--json")
    assert call(*asked, "--dismiss").document == {"dismissed": 1}
    assert call("scan", dataset, "--json").document["findings"] == []
    assert call(*asked, "--restore").document == {"restored": 1}
    assert len(call("scan", dataset, "--json").document["findings"]) == 2


def test_findings_go_into_a_sheet(call: Call, dataset: Path, tmp_path: Path) -> None:
    write_image(dataset / "cat" / "=copy.png", seed=0)
    call("scan", dataset)
    call("audits", dataset, "--csv", tmp_path / "found.csv")
    with (tmp_path / "found.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [(row["kind"], row["path"]) for row in rows] == [
        ("exact_duplicate", "cat/0.png"),
        ("exact_duplicate", "cat/=copy.png"),
    ]


def test_an_action_needs_a_kind_and_stands_alone(call: Call, dataset: Path) -> None:
    assert "--kind" in call("audits", dataset, "--dismiss").complaint
    both = call("audits", dataset, "--kind", "dark", "--dismiss", "--exclude")
    assert "Give one of" in both.complaint


def test_the_folder_is_read_first_where_an_engine_is_named(call: Call, dataset: Path) -> None:
    call("scan", dataset)
    write_image(dataset / "cat" / "copy.png", seed=0)
    assert call("audits", dataset, "--json").document["kinds"] == []
    (found,) = call("audits", dataset, "--engine", "local", "--json").document["kinds"]
    assert found["kind"] == "exact_duplicate"
    assert "--engine ray" in call("audits", dataset, "--address", "10.0.0.5:6379").complaint
