"""Every verb's JSON, as scripts rely on it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from cleaner import exports
from cleaner.cli import models, verbs
from cleaner.project import Project
from tests.cli.conftest import Call
from tests.pictures import write_dataset, write_image

ITEM_KEYS = {
    "item_id",
    "path",
    "split",
    "given_label",
    "current_label",
    "suggested_label",
    "label_quality",
    "self_confidence",
    "flagged",
    "reasons",
}


def test_demo_says_what_it_made(call: Call, tmp_path: Path) -> None:
    made = call("demo", tmp_path / "demo", "--json")
    assert made.code == 0
    assert made.document == {
        "root": str(tmp_path / "demo"),
        "images": 1000,
        "planted_errors": 50,
    }


def test_scan_counts_images_and_classes(call: Call, dataset: Path) -> None:
    (dataset / "empty").mkdir()
    found = call("scan", dataset, "--json").document
    assert found["images"] == 12
    assert found["classes"] == {"cat": 4, "dog": 4, "empty": 0, "owl": 4}


def test_scan_names_every_file_of_a_finding(call: Call, dataset: Path) -> None:
    shutil.copy(dataset / "cat" / "0.png", dataset / "dog" / "copy.png")
    (dataset / "owl" / "broken.jpg").write_bytes(b"\xff\xd8\xffnothing")
    findings = call("scan", dataset, "--json").document["findings"]
    kinds = {(entry["kind"], entry["path"]) for entry in findings}
    assert ("unreadable", "owl/broken.jpg") in kinds
    assert {path for _, path in kinds} >= {"cat/0.png", "dog/copy.png"}
    assert all(entry["detail"] and entry["path"] in entry["paths"] for entry in findings)


def test_queue_gives_what_awaits_review_worst_first(call: Call, ranked: Project) -> None:
    items = call("queue", ranked.root, "--json").document["items"]
    assert [item["path"] for item in items] == ["cat/0.png", "dog/1.png"]
    assert items[0].keys() >= ITEM_KEYS
    assert items[0]["suggested_label"] == "dog"


def test_queue_keeps_to_its_limit(call: Call, ranked: Project) -> None:
    items = call("queue", ranked.root, "--limit", 1, "--json").document["items"]
    assert [item["path"] for item in items] == ["cat/0.png"]


def test_queue_of_all_holds_reviewed_images_too(call: Call, ranked: Project) -> None:
    call("decide", ranked.root, "cat/0.png", "accept")
    awaiting = call("queue", ranked.root, "--json").document["items"]
    everything = call("queue", ranked.root, "--all", "--json").document["items"]
    assert (len(awaiting), len(everything)) == (1, 12)


def test_decide_counts_what_it_recorded(call: Call, ranked: Project) -> None:
    decided = call("decide", ranked.root, "cat/0.png", "move", "dog", "--json")
    assert decided.code == 0
    assert decided.document == {"recorded": 1, "rejected": []}


def test_decide_says_what_it_rejected_and_why(call: Call, ranked: Project) -> None:
    decided = call("decide", ranked.root, "cat/9.png", "accept", "--json")
    assert decided.code == 1
    assert decided.document["recorded"] == 0
    assert decided.document["rejected"][0]["path"] == "cat/9.png"
    assert "no such image" in decided.document["rejected"][0]["reason"]
    assert "cat/9.png" in decided.complaint


def test_undo_counts_what_it_took_back(call: Call, ranked: Project) -> None:
    call("decide", ranked.root, "cat/0.png", "move", "dog")
    call("decide", ranked.root, "dog/1.png", "exclude")
    assert call("undo", ranked.root, "--last", 2, "--json").document["undone"] == 2
    assert call("undo", ranked.root, "--json").document["undone"] == 0


def test_undo_of_a_round_takes_all_of_it_back(call: Call, ranked: Project) -> None:
    call("decide", ranked.root, "cat/0.png", "move", "dog")
    call("decide", ranked.root, "dog/1.png", "exclude")
    assert call("undo", ranked.root, "--round", 1, "--json").document["undone"] == 2


def test_a_dry_run_moves_nothing(call: Call, ranked: Project) -> None:
    call("decide", ranked.root, "cat/0.png", "move", "dog")
    planned = call("apply", ranked.root, "--dry-run", "--json").document
    assert (planned["planned"], planned["moved"]) == (1, 0)
    assert (ranked.root / "cat" / "0.png").exists()


def test_apply_moves_files_as_decided(call: Call, ranked: Project) -> None:
    call("decide", ranked.root, "cat/0.png", "move", "dog")
    applied = call("apply", ranked.root, "--json").document
    assert (applied["planned"], applied["moved"], applied["problems"]) == (1, 1, [])
    assert applied["moves"][0]["source"] == "cat/0.png"
    assert not (ranked.root / "cat" / "0.png").exists()
    assert len(list((ranked.root / "dog").iterdir())) == 5


def test_undo_after_apply_brings_the_file_back(call: Call, ranked: Project) -> None:
    call("decide", ranked.root, "cat/0.png", "move", "dog")
    call("apply", ranked.root)
    call("undo", ranked.root)
    assert (ranked.root / "cat" / "0.png").exists()


def test_status_says_where_the_work_stands(call: Call, ranked: Project) -> None:
    call("decide", ranked.root, "cat/0.png", "move", "dog")
    status = call("status", ranked.root, "--json").document
    assert status["images"] == 12
    assert status["classes"] == {"cat": 3, "dog": 5, "owl": 4}
    assert (status["round"], status["awaiting_review"], status["moves_to_apply"]) == (1, 1, 1)
    assert status["decided"]["moved"] == 1


def test_classes_are_listed_with_their_images(call: Call, ranked: Project) -> None:
    listed = call("classes", ranked.root, "--json").document
    assert listed == {"classes": {"cat": 4, "dog": 4, "owl": 4}, "edited": None, "edits": []}


def test_classes_are_added_renamed_merged_and_restored(call: Call, ranked: Project) -> None:
    call("classes", ranked.root, "add", "newt")
    renamed = call("classes", ranked.root, "rename", "cat", "tiger", "--reviewer", "Anna", "--json")
    assert renamed.document["classes"] == {"dog": 4, "newt": 0, "owl": 4, "tiger": 4}
    edited = renamed.document["edited"]
    assert (edited["kind"], edited["images"], edited["reviewer"]) == ("rename", 4, "Anna")
    merged = call("classes", ranked.root, "merge", "owl", "dog", "--json").document
    assert merged["classes"] == {"dog": 8, "newt": 0, "tiger": 4}
    for _edit in range(3):
        assert call("classes", ranked.root, "undo").code == 0
    listed = call("classes", ranked.root, "--json").document
    assert listed["classes"] == {"cat": 4, "dog": 4, "owl": 4}
    assert [one["kind"] for one in listed["edits"]] == ["add", "rename", "merge", *["undo"] * 3]


def test_an_edit_that_cannot_be_is_refused_in_one_line(call: Call, ranked: Project) -> None:
    assert call("classes", ranked.root, "rename", "cat", ".cat").code == 1
    assert "hidden" in call("classes", ranked.root, "add", ".cat").complaint
    assert call("classes", ranked.root, "rename", "cat").code == 2
    assert call("classes", ranked.root, "remove", "cat").code == 2


def test_jobs_lists_none_before_the_first(call: Call, project: Project) -> None:
    assert call("jobs", project.root, "--json").document == {"jobs": []}
    assert call("jobs", project.root, "--cancel", "--json").document["cancelled"] is None


def test_recover_says_that_nothing_was_interrupted(call: Call, project: Project) -> None:
    assert call("recover", project.root, "--json").document == {"recovered": 0, "moves": []}


def test_backbones_tells_which_are_to_be_had(call: Call) -> None:
    found = {entry["name"]: entry for entry in call("backbones", "--json").document["backbones"]}
    assert found["mobilenet_v2_1.0_224"]["available"] is True


def test_predict_labels_photos(call: Call, model: Path, tmp_path: Path) -> None:
    photo = write_image(tmp_path / "photo.png")
    predicted = call("predict", model, photo, "--json")
    assert predicted.code == 0
    (found,) = predicted.document["predictions"]
    assert found.keys() == {"path", "label", "probability", "top"}
    assert found["path"] == str(photo)
    assert found["label"] == found["top"][0]["label"]
    assert found["probability"] >= found["top"][1]["probability"]


def test_predict_names_a_bad_file_and_goes_on(call: Call, model: Path, tmp_path: Path) -> None:
    photo = write_image(tmp_path / "photo.png")
    (tmp_path / "letter.jpg").write_text("dear reader")
    predicted = call("predict", model, tmp_path / "letter.jpg", photo, "--json")
    assert predicted.code == 0
    assert len(predicted.document["predictions"]) == 1
    assert predicted.document["errors"][0]["path"] == str(tmp_path / "letter.jpg")


def test_predict_fails_when_no_file_can_be_read(call: Call, model: Path, tmp_path: Path) -> None:
    predicted = call("predict", model, tmp_path / "gone.jpg", "--json")
    assert predicted.code == 1
    assert predicted.document["predictions"] == []
    assert "gone.jpg" in predicted.complaint


def test_export_of_a_folder_holds_the_current_labels(
    call: Call, ranked: Project, tmp_path: Path
) -> None:
    call("decide", ranked.root, "cat/0.png", "move", "dog")
    call("decide", ranked.root, "owl/0.png", "exclude")
    exported = call("export", ranked.root, tmp_path / "clean", "--format", "folder", "--json")
    assert exported.document["written"] == 11
    counts = {folder.name: len(list(folder.iterdir())) for folder in (tmp_path / "clean").iterdir()}
    assert counts == {"cat": 3, "dog": 5, "owl": 3}


def test_export_of_a_table_has_one_line_an_image(
    call: Call, ranked: Project, tmp_path: Path
) -> None:
    exported = call("export", ranked.root, tmp_path / "all.csv", "--format", "csv", "--json")
    assert exported.document["written"] == 1
    assert len((tmp_path / "all.csv").read_text().splitlines()) == 13


def test_every_format_of_the_exporters_can_be_named() -> None:
    assert models.EXPORT_FORMATS == exports.FORMATS


def test_names_that_are_not_utf_8_appear_escaped(call: Call, tmp_path: Path) -> None:
    root = write_dataset(tmp_path / "odd", {"cat": 2, "dog": 2})
    (root / "cat" / "0.png").rename(root / "cat" / os.fsdecode(b"bad\xff.png"))
    assert call("scan", root).code == 0
    decided = call("decide", root, r"cat/bad\xff.png", "move", "dog", "--json")
    assert decided.document["recorded"] == 1
    moved = call("apply", root, "--json").document["moves"]
    assert moved == [{"source": r"cat/bad\xff.png", "destination": r"dog/bad\xff.png"}]


def test_a_class_may_be_named_in_its_shown_form(call: Call, tmp_path: Path) -> None:
    root = write_dataset(tmp_path / "odd", {"cat": 2, os.fsdecode(b"d\xf6g"): 2})
    assert call("scan", root, "--json").document["classes"] == {"cat": 2, r"d\xf6g": 2}
    assert call("decide", root, "cat/0.png", "move", r"d\xf6g").code == 0
    call("apply", root)
    assert len(list((root / os.fsdecode(b"d\xf6g")).iterdir())) == 3


@pytest.mark.parametrize("verb", [name for name in verbs.commands if name != "review"])
def test_every_verb_takes_json(verb: str) -> None:
    assert any("--json" in option.opts for option in verbs.commands[verb].params)


def test_import_takes_over_what_export_wrote(call: Call, ranked: Project, tmp_path: Path) -> None:
    call("decide", ranked.root, "cat/0.png", "move", "dog")
    exported = call("export", ranked.root, tmp_path / "clean", "--format", "folder", "--json")
    manifest, state = exported.document["manifest"], tmp_path / "fresh"
    taken = call("import", ranked.root, manifest, "--state", state, "--json")
    assert taken.code == 0
    assert taken.document == {"matched": 12, "recorded": 1, "unknown": [], "missing": []}
    labels = {item.path: item.current_label for item in Project(ranked.root, state).dataset().items}
    assert labels["cat/0.png"] == "dog"


def test_import_of_what_is_no_manifest_is_one_line(
    call: Call, ranked: Project, tmp_path: Path
) -> None:
    refused = call("import", ranked.root, tmp_path / "gone.json")
    assert refused.code == 1
    assert "gone.json" in refused.complaint
