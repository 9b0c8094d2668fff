"""What `predict` takes and writes."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from cleaner.cli import photos as photos_of
from tests.cli.conftest import Call
from tests.pictures import write_image


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with pictures at two depths, and files that are none."""
    folder = tmp_path / "photos"
    for name in ("b.png", "a.png", "deep/c[1].png", ".hidden/d.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_image(folder / name)
    (folder / "notes.txt").write_text("no picture")
    return folder


def names(call: Call, *arguments: Any) -> list[str]:
    answer = call("predict", *arguments, "--json")
    assert answer.code == 0
    return [Path(found["path"]).name for found in answer.document["predictions"]]


def test_a_folder_stands_for_the_pictures_below_it(call: Call, model: Path, photos: Path) -> None:
    assert names(call, model, photos) == ["a.png", "b.png", "c[1].png"]


def test_a_pattern_stands_for_what_it_matches(call: Call, model: Path, photos: Path) -> None:
    assert names(call, model, f"{photos}/*.png") == ["a.png", "b.png"]
    assert names(call, model, f"{photos}/**/*.png") == ["a.png", "b.png", "c[1].png"]


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(
    call: Call, model: Path, photos: Path
) -> None:
    assert names(call, model, photos / "deep" / "c[1].png") == ["c[1].png"]


def test_what_is_named_twice_is_looked_at_once(call: Call, model: Path, photos: Path) -> None:
    assert names(call, model, photos / "b.png", photos) == ["b.png", "a.png", "c[1].png"]


def test_paths_come_from_standard_input(
    call: Call, model: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = b"%s\n\n%s\r\n" % (os.fsencode(photos / "b.png"), os.fsencode(photos / "deep"))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(listed)))
    assert names(call, model, "-") == ["b.png", "c[1].png"]


@pytest.mark.parametrize("word", ["empty", "none/*.jpg"])
def test_what_stands_for_no_picture_is_said(
    call: Call, model: Path, tmp_path: Path, word: str
) -> None:
    (tmp_path / "empty").mkdir()
    refused = call("predict", model, tmp_path / word)
    assert refused.code == 1
    assert "no picture" in refused.complaint


def test_so_many_labels_as_were_asked_for(call: Call, model: Path, photos: Path) -> None:
    (found,) = call("predict", model, photos / "a.png", "--top", "2", "--json").document[
        "predictions"
    ]
    assert len(found["top"]) == 2


def test_a_table_holds_the_labels_and_what_was_passed_over(
    call: Call, model: Path, photos: Path, tmp_path: Path
) -> None:
    (photos / "=1+1.jpg").write_text("no picture")
    sheet = tmp_path / "labels.csv"
    answer = call("predict", model, photos, "--csv", sheet, "--top", "2")
    assert answer.code == 0
    with sheet.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [Path(row["path"]).name for row in rows] == ["a.png", "b.png", "c[1].png", "=1+1.jpg"]
    assert all(float(row["probability"]) >= float(row["probability_2"]) for row in rows[:3])
    assert rows[0]["label"]
    assert rows[3]["reason"]
    assert not rows[3]["label"]


FOUND = {"path": "a.png", "top": [{"label": "cat", "probability": 0.5}]}


def test_a_table_takes_its_name_once_it_is_whole(tmp_path: Path) -> None:
    sheet, linked = tmp_path / "labels.csv", tmp_path / "linked.csv"
    sheet.write_text("of yesterday")
    linked.symlink_to(sheet)

    def stopped() -> None:
        with photos_of.written(linked, top=1) as table:
            table.add(FOUND)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert sheet.read_text() == "of yesterday"

    with photos_of.written(linked, top=1) as table:
        table.add(FOUND)
    assert sheet.read_text() == "path,label,probability,reason\na.png,cat,0.5,\n"
    assert sorted(tmp_path.iterdir()) == [sheet, linked]
    assert linked.is_symlink()


def test_a_table_may_go_to_what_is_no_file() -> None:
    with photos_of.written(Path("/dev/null"), top=1) as table:
        table.add(FOUND)


def test_a_table_that_cannot_be_written_is_refused_before_any_photo_is_looked_at(
    call: Call, model: Path, photos: Path, tmp_path: Path
) -> None:
    refused = call("predict", model, photos, "--csv", tmp_path / "nowhere" / "labels.csv")
    assert refused.code == 1
    assert "cannot write it" in refused.complaint


def test_labels_for_a_table_alone_are_not_held_in_memory(tmp_path: Path) -> None:
    with photos_of.written(tmp_path / "labels.csv", top=1) as table:
        answers = photos_of.Answers(keeps=False, sheet=table)
        answers.add(FOUND)
    assert (answers.labelled, answers.predictions) == (1, [])


@pytest.mark.parametrize(("least", "is_unknown"), [(0.0, False), (100.0, True)])
def test_below_the_receipts_probability_the_answer_is_unknown(
    call: Call, model: Path, photos: Path, least: float, is_unknown: bool
) -> None:
    receipt = {"unknown": {"threshold": least}}
    (model / "receipt.json").write_text(json.dumps(receipt))
    (found,) = call("predict", model, photos / "a.png", "--unknown", "--json").document[
        "predictions"
    ]
    assert (found["label"] == "unknown") == is_unknown
    assert found["top"][0]["label"].startswith("class ")


def test_a_model_without_a_receipt_needs_a_probability(
    call: Call, model: Path, photos: Path
) -> None:
    refused = call("predict", model, photos, "--unknown")
    assert refused.code == 1
    assert "--unknown-below" in refused.complaint
    assert call("predict", model, photos, "--unknown-below", "0.5", "--json").code == 0


def test_what_is_kept_is_what_is_said_again(
    call: Call, model: Path, photos: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    asked = ("predict", model, photos, "--json")
    usual = call(*asked).document
    assert call(*asked, "--resume", kept).document == usual
    assert len(list(kept.rglob("*.npz"))) == 1
    assert call(*asked, "--resume", kept).document == usual


@pytest.mark.parametrize(
    "words",
    [("--address", "10.0.0.1:6379"), ("--cores-per-worker", "2"), ("--gpus-per-worker", "0.5")],
)
def test_what_is_of_a_cluster_needs_its_engine(
    call: Call, model: Path, photos: Path, words: tuple[str, str]
) -> None:
    refused = call("predict", model, photos, *words)
    assert refused.code == 2
    assert "--engine ray" in refused.complaint
