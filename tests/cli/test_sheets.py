"""Decisions by the file: the CSV that goes out comes back."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from cleaner.project import Project
from tests.cli.conftest import Call
from tests.pictures import write_dataset
from tests.ranking import draw_a_suspect, open_round


def _write(sheet: Path, text: str) -> Path:
    sheet.write_text(text, encoding="utf-8")
    return sheet


def test_decisions_from_a_file_are_recorded(call: Call, ranked: Project, tmp_path: Path) -> None:
    sheet = _write(
        tmp_path / "decisions.csv",
        "path,action,label\ncat/0.png,move,dog\ndog/1.png,accept,\nowl/0.png,exclude,\n",
    )
    decided = call("decide", ranked.root, "--from", sheet, "--json")
    assert decided.document == {"recorded": 3, "rejected": []}
    statuses = {item.path: item.status for item in ranked.dataset().items}
    assert statuses["cat/0.png"] == "moved"
    assert statuses["dog/1.png"] == "accepted"
    assert statuses["owl/0.png"] == "excluded"


def test_one_wrong_line_keeps_the_whole_file_out(
    call: Call, ranked: Project, tmp_path: Path
) -> None:
    sheet = _write(
        tmp_path / "decisions.csv",
        "path,action,label\ncat/0.png,accept,\ncat/9.png,accept,\ncat/1.png,move,cow\n"
        "cat/2.png,praise,\n",
    )
    refused = call("decide", ranked.root, "--from", sheet, "--json")
    assert refused.code == 1
    assert refused.document["recorded"] == 0
    wrong = [entry["path"] for entry in refused.document["rejected"]]
    assert wrong == ["cat/9.png", "cat/1.png", "cat/2.png"]
    assert {item.status for item in ranked.dataset().items} == {"unreviewed"}


def test_a_list_from_queue_is_filled_in_and_read_back(
    call: Call, ranked: Project, tmp_path: Path
) -> None:
    sheet = tmp_path / "queue.csv"
    call("queue", ranked.root, "--csv", sheet)
    with sheet.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [row["path"] for row in rows] == ["cat/0.png", "dog/1.png"]
    rows[0] |= {"action": "move", "label": rows[0]["suggested_label"]}
    with sheet.open("w", newline="") as lines:
        table = csv.DictWriter(lines, rows[0].keys())
        table.writeheader()
        table.writerows(rows)
    assert call("decide", ranked.root, "--from", sheet, "--json").document["recorded"] == 1


def test_a_list_says_nothing_of_what_is_to_be_looked_at_blind_and_is_read_back(
    call: Call, ranked: Project, tmp_path: Path
) -> None:
    draw_a_suspect(ranked)
    sheet = tmp_path / "queue.csv"
    call("queue", ranked.root, "--csv", sheet)
    with sheet.open(newline="") as lines:
        first, last = csv.DictReader(lines)
    assert first["label_quality"] == "0.1"
    untold = ("suggested_label", "label_quality", "self_confidence", "suggested_confidence")
    assert {last[name] for name in (*untold, "flagged")} == {""}
    assert last["reasons"] == "to be looked at blind"
    _write(sheet, sheet.read_text().replace(f"{last['path']},,", f"{last['path']},accept,"))
    assert call("decide", ranked.root, "--from", sheet, "--json").document["recorded"] == 1


def test_names_like_formulas_are_guarded_on_the_way_out_and_found_on_the_way_back(
    call: Call, tmp_path: Path
) -> None:
    root = write_dataset(tmp_path / "odd", {"=cmd": 2, "+dog": 2})
    project = Project(root)
    project.scan()
    open_round(project, flagged={"=cmd/0.png": "+dog"})
    project.store.close()
    call("queue", root, "--csv", tmp_path / "queue.csv")
    text = (tmp_path / "queue.csv").read_text()
    assert "'=cmd/0.png" in text
    sheet = _write(tmp_path / "back.csv", "path,action,label\n'=cmd/0.png,move,'+dog\n")
    assert call("decide", root, "--from", sheet).code == 0


def test_a_file_from_a_spreadsheet_with_a_byte_order_mark_is_read(
    call: Call, ranked: Project, tmp_path: Path
) -> None:
    sheet = _write(tmp_path / "bom.csv", "\ufeffpath,action,label\r\ncat/0.png, Accept ,\r\n")
    assert call("decide", ranked.root, "--from", sheet, "--json").document["recorded"] == 1


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "no column 'path'"),
        (b"path,label\ncat/0.png,dog\n", "no column 'action'"),
        (b"path,action,label\n", "no decision"),
        (b"path,action,label\ncat/0.png,,\n", "1 lines without an action"),
        (b"path,action,label\n\xff\xfe,accept,\n", "not a CSV file in UTF-8"),
        (b'path,action,label\n"cat/0.png,accept,\n' + b"x" * 200_000, "not a CSV file"),
    ],
)
def test_a_file_without_decisions_is_refused_with_the_reason(
    call: Call, ranked: Project, tmp_path: Path, content: bytes, complaint: str
) -> None:
    (tmp_path / "bad.csv").write_bytes(content)
    refused = call("decide", ranked.root, "--from", tmp_path / "bad.csv")
    assert refused.code == 1
    assert complaint in refused.complaint
    assert "bad.csv" in refused.complaint


def test_a_file_that_is_not_there_is_named(call: Call, ranked: Project, tmp_path: Path) -> None:
    refused = call("decide", ranked.root, "--from", tmp_path / "gone.csv")
    assert refused.code == 1
    assert "gone.csv" in refused.complaint


def test_a_path_that_a_shell_completed_is_understood(
    call: Call, ranked: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ranked.root.parent)
    assert call("decide", ranked.root, "pets/cat/0.png", "accept").code == 0
    assert call("decide", ranked.root, ranked.root / "cat" / "1.png", "accept").code == 0


@pytest.mark.parametrize("separator", [";", "\t"])
def test_columns_may_be_separated_as_other_countries_do(
    call: Call, ranked: Project, tmp_path: Path, separator: str
) -> None:
    lines = ["path,action,label", "cat/0.png,move,dog", "dog/1.png,accept,"]
    sheet = _write(tmp_path / "sheet.csv", "\n".join(lines).replace(",", separator))
    assert call("decide", ranked.root, "--from", sheet, "--json").document["recorded"] == 2


def test_two_decisions_about_one_image_are_refused(
    call: Call, ranked: Project, tmp_path: Path
) -> None:
    lines = "path,action,label\ncat/0.png,accept,\ndog/1.png,accept,\ncat/0.png,exclude,\n"
    refused = call("decide", ranked.root, "--from", _write(tmp_path / "twice.csv", lines))
    assert refused.code == 1
    assert "cat/0.png: decided 2 times" in refused.complaint
    assert {item.status for item in ranked.dataset().items} == {"unreviewed"}
