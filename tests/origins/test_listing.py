"""A manifest is a dataset: rows become images, decisions a new manifest, and no file changes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cleaner import classes, exports, listings
from cleaner.decisions import Action
from cleaner.errors import DatasetError, MoveError, StoreError
from cleaner.items import Finding
from cleaner.origins import listing as kind
from cleaner.project import Project
from cleaner.recording import Request
from cleaner.store import findings
from tests.origins.conftest import read, written
from tests.pictures import encoded, picture, write_image

Opening = Callable[..., Project]


def _decide(project: Project, uri: str, action: Action, label: str | None = None) -> None:
    (item,) = [i for i in project.dataset().items if i.path.partition("/")[2] == uri]
    assert not project.decide([Request(item.item_id, action, label)]).rejected


def _files(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def _found(project: Project, kind: str) -> list[Finding]:
    return [finding for finding in project.findings() if finding.kind == kind]


def test_rows_become_images_of_their_classes(listing: Path, opening: Opening) -> None:
    project = opening(listing)
    assert project.state == listing.with_name(f"{listing.name}.cleaner")
    assert project.scan().added == 12
    assert project.class_names() == ("cat", "dog", "owl")
    first = project.dataset().items[0]
    assert (first.path, first.given_label) == ("cat/pets/cat/0.png", "cat")
    assert project.path_of(first).read_bytes() == (listing.parent / "pets/cat/0.png").read_bytes()
    again = project.scan()
    assert (again.added, again.relocated, again.missing) == (0, 0, 0)


def test_decisions_become_a_new_manifest_and_nothing_else(listing: Path, opening: Opening) -> None:
    project = opening(listing)
    project.scan()
    before, source = _files(listing.parent / "pets"), listing.read_bytes()
    _decide(project, "pets/cat/0.png", "move", "owl")
    _decide(project, "pets/dog/1.png", "exclude")
    assert project.status()["moves_to_apply"] == 2

    applied = project.apply()

    assert applied.manifest == listing.with_name(f"photos.cleaned-1{listing.suffix}")
    assert len(applied.moved) == 2
    rows = read(applied.manifest)
    assert rows[0] == ("pets/cat/0.png", "owl", "taken 0")
    assert [row for row in rows if row[1] == "cat"] == [
        (f"pets/cat/{number}.png", "cat", f"taken {number}") for number in (1, 2, 3)
    ]
    assert "pets/dog/1.png" not in {row[0] for row in rows}
    assert len(rows) == 11
    assert listing.read_bytes() == source
    assert _files(listing.parent / "pets") == before
    assert project.status()["moves_to_apply"] == 0
    assert project.apply().manifest is None


def test_earlier_manifests_remain_when_decisions_are_taken_back(
    photos: Path, opening: Opening
) -> None:
    project = opening(photos)
    project.scan()
    _decide(project, "pets/cat/0.png", "move", "owl")
    first = project.apply().manifest
    assert first is not None
    kept = first.read_bytes()
    assert project.undo().problems == ()
    second = project.apply().manifest
    assert second == photos.with_name(f"photos.cleaned-2{photos.suffix}")
    assert read(second) == read(photos)
    assert first.read_bytes() == kept


def test_a_new_manifest_is_a_dataset_of_its_own(photos: Path, opening: Opening) -> None:
    project = opening(photos)
    project.scan()
    _decide(project, "pets/cat/0.png", "move", "owl")
    cleaned = project.apply().manifest
    assert cleaned is not None
    again = opening(cleaned)
    again.scan()
    assert again.status()["classes"] == {"cat": 3, "dog": 4, "owl": 5}


def test_a_scan_after_an_apply_changes_nothing(photos: Path, opening: Opening) -> None:
    project = opening(photos)
    project.scan()
    _decide(project, "pets/cat/0.png", "move", "owl")
    _decide(project, "pets/dog/1.png", "exclude")
    project.apply()
    taken = project.scan()
    assert (taken.added, taken.relocated, taken.missing) == (0, 0, 0)
    assert project.status()["decided"]["excluded"] == 1
    assert project.status()["moves_to_apply"] == 0


def test_a_label_that_somebody_changed_in_the_manifest_is_followed(
    photos: Path, opening: Opening, rows: list[tuple[str, str, str]]
) -> None:
    project = opening(photos)
    project.scan()
    rows[0] = (rows[0][0], "dog", rows[0][2])
    photos.write_bytes(written(rows, photos.suffix))
    _decide(project, "pets/cat/1.png", "move", "owl")
    with pytest.raises(MoveError, match="has changed since the scan"):
        project.apply()
    assert project.scan().relocated == 1
    labels = {item.path: item.current_label for item in project.dataset().items}
    assert labels["dog/pets/cat/0.png"] == "dog"
    manifest = project.apply().manifest
    assert manifest is not None
    assert [row[1] for row in read(manifest)[:2]] == ["dog", "owl"]


def test_bad_rows_are_named_and_stay_as_they_are(
    dataset: Path, opening: Opening, rows: list[tuple[str, str, str]]
) -> None:
    (dataset / "notes.png").write_text("no picture")
    bad = [
        ("", "cat", "no uri"),
        ("pets/cat/0.png.bak", "", "no label"),
        ("pets/cat/none.png", "cat", "gone"),
        ("pets/notes.png", "cat", "no picture"),
        ("ftp://host/1.png", "cat", "protocol"),
        ("zip://1.png::file:///data/all.zip", "cat", "chain"),
        ("file://elsewhere/1.png", "cat", "host"),
        ("file://[nas]/1.png", "cat", "no host"),
        ("pets/cat/0\0.png", "cat", "nul"),
        ("pets", "cat", "folder"),
        ("pets/cat/1.png", "dog", "twice"),
        ("a.png", "x" * 256, "long"),
    ]
    listing = dataset.parent / "photos.csv"
    listing.write_bytes(written(rows + bad, ".csv"))
    project = opening(listing)
    assert project.scan().added == 12
    assert {finding.paths[0] for finding in _found(project, "bad_row")} == {
        "row 13",
        "pets/cat/0.png.bak",
        "pets/cat/0\0.png",
        "a.png",
    }
    unreadable = {finding.paths[0]: finding.detail for finding in _found(project, "unreadable")}
    assert set(unreadable) == {
        "cat/pets/cat/none.png",
        "cat/pets/notes.png",
        "cat/ftp://host/1.png",
        "cat/zip://1.png::file:///data/all.zip",
        "cat/file://elsewhere/1.png",
        "cat/file://[nas]/1.png",
        "cat/pets",
    }
    assert "Its address is not one that is read" in unreadable["cat/ftp://host/1.png"]
    (twice,) = _found(project, "listed_twice")
    assert "Rows 2, 23 name this image with several labels (cat, dog)" in twice.detail

    _decide(project, "pets/cat/1.png", "move", "owl")
    manifest = project.apply().manifest

    assert manifest is not None
    after = read(manifest)
    assert after[12:22] == bad[:10]
    assert after[1][1] == after[22][1] == "owl"  # what is decided holds for all of its rows


def test_a_label_that_is_accepted_holds_for_all_rows_of_its_image(
    listing: Path, opening: Opening, rows: list[tuple[str, str, str]]
) -> None:
    torn = [*rows, ("pets/cat/1.png", "dog", "twice"), ("pets/cat/2.png", "cat", "alike")]
    listing.write_bytes(written(torn, listing.suffix))
    project = opening(listing)
    project.scan()
    assert project.status()["moves_to_apply"] == 0
    for number in (1, 2):
        _decide(project, f"pets/cat/{number}.png", "accept")
    assert project.status()["moves_to_apply"] == 1
    (change,) = project.plan_moves().moves
    assert (change.source, change.destination) == (
        "dataset/dog/pets/cat/1.png",
        "dataset/cat/pets/cat/1.png",
    )
    manifest = project.apply().manifest
    assert manifest is not None
    assert [row[:2] for row in read(manifest) if row[2] == "twice"] == [("pets/cat/1.png", "cat")]
    assert project.status()["moves_to_apply"] == 0
    for _time in range(2):
        project.undo()
    assert project.status()["moves_to_apply"] == 1
    again = project.apply().manifest
    assert again is not None
    assert read(again) == read(listing)


def test_rows_that_may_differ_are_left_when_a_label_is_accepted(
    photos: Path, opening: Opening, rows: list[tuple[str, str, str]]
) -> None:
    photos.write_bytes(written([*rows, ("pets/cat/1.png", "dog", "twice")], ".csv"))
    project = opening(photos)
    project.scan()
    with project.store.write() as connection:
        torn = findings.open_findings(connection, "listed_twice")
        findings.dismiss(connection, "listed_twice", torn, reviewer="ann")
    _decide(project, "pets/cat/1.png", "accept")
    assert project.apply().manifest is None


def test_labels_that_look_like_paths_lead_nowhere(dataset: Path, opening: Opening) -> None:
    labels = ["../../up", "animals/cat", ".hidden", "..", "a'b\"c", "-rf", " spaced "]
    rows = [
        (f"pets/{kind}/0.png", label, "")
        for kind, label in zip(("cat", "dog", "owl"), labels, strict=False)
    ] + [(f"pets/cat/{n}.png", label, "") for n, label in enumerate(labels[3:6], 1)]
    listing = dataset.parent / "odd.csv"
    listing.write_bytes(written(rows, ".csv"))
    project = opening(listing)
    project.scan()
    names = project.class_names()
    assert not any("/" in name or name.startswith(".") for name in names)
    _decide(project, "pets/dog/0.png", "move", names[0])
    out = dataset.parent / "out"
    exports.export(project, "folder", out)
    assert len([f for f in out.rglob("*") if f.suffix == ".png"]) == 6
    assert all(f.resolve().is_relative_to(out) for f in out.rglob("*"))
    manifest = project.apply().manifest
    assert manifest is not None
    assert {row[1] for row in read(manifest)} <= set(labels)  # as they were written


def test_uris_that_lead_upwards_are_read_and_exported_into_the_export_alone(
    dataset: Path, opening: Opening
) -> None:
    folder = dataset.parent / "lists"
    folder.mkdir()
    listing = folder / "up.csv"
    rows = [
        ("../pets/cat/0.png", "cat", ""),
        (str(dataset / "dog/0.png"), "dog", "in full"),
        ((dataset / "owl/0.png").as_uri(), "owl", "as a uri"),
    ]
    listing.write_bytes(written(rows, ".csv"))
    project = opening(listing)
    assert project.scan().added == 3
    assert project.scan().added == 0
    out = dataset.parent / "out"
    exports.export(project, "folder", out)
    assert len(list(out.rglob("*.png"))) == 3
    assert not (dataset.parent / "pets/0.png").exists()


def test_a_pipe_or_a_device_is_not_read(dataset: Path, opening: Opening) -> None:
    os.mkfifo(dataset / "pipe.png")
    listing = dataset.parent / "photos.csv"
    rows = [("pets/pipe.png", "cat", ""), ("/dev/zero", "cat", ""), ("pets/cat/0.png", "cat", "")]
    listing.write_bytes(written(rows, ".csv"))
    project = opening(listing)
    project.scan()
    assert len(_found(project, "unreadable")) == 2


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("photos.csv", b"file;class\n1.png;cat\n", "columns uri"),
        ("photos.csv", b"", "columns uri"),
        ("photos.csv", b"uri,label\n", "has no rows"),
        ("photos.csv", b"uri,label\n" + b"x" * 200_000 + b",cat\n", "no line of a CSV"),
        ("photos.parquet", b"PAR1 is not enough", "no Parquet file"),
        ("photos.txt", b"uri,label\n", r"ends in \.csv or \.parquet"),
    ],
)
def test_what_is_no_manifest_is_refused_in_one_line(
    tmp_path: Path, opening: Opening, name: str, content: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DatasetError, match=words) as refused:
        opening(tmp_path / name).scan()
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["5", "5.0"])
def test_a_parquet_column_keeps_its_type(dataset: Path, opening: Opening, name: str) -> None:
    listing = dataset.parent / "numbers.parquet"
    uris = [f"pets/{kind}/0.png" for kind in ("cat", "dog", "owl")]
    label = pa.float64() if name == "5.0" else pa.int32()
    kinds = pa.schema([("uri", pa.large_string()), ("label", label), ("when", pa.date32())])
    pq.write_table(pa.table([uris, [3, 5, 5], [None] * 3], schema=kinds), listing)
    project = opening(listing)
    project.scan()
    _decide(project, uris[0], "move", name)
    manifest = project.apply().manifest
    assert manifest is not None
    assert pq.read_schema(manifest).equals(kinds)
    assert pq.read_table(manifest)["label"].to_pylist() == [5, 5, 5]


class _Killed(BaseException):
    """Stands for a kill: nothing of ours catches it."""


@pytest.mark.parametrize("last", ["rewrite", "fsync", "rename_new"])
def test_a_crash_leaves_no_half_manifest(
    photos: Path, opening: Opening, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    project = opening(photos)
    project.scan()
    _decide(project, "pets/cat/0.png", "move", "owl")
    where = {"rewrite": listings, "fsync": os, "rename_new": kind}[last]
    with monkeypatch.context() as crash:

        def end(*_arguments: object) -> None:
            raise _Killed

        crash.setattr(where, last, end)
        with pytest.raises(_Killed):
            project.apply()
    assert [f.name for f in photos.parent.glob("*cleaned*")] == []
    assert project.status()["moves_to_apply"] == 1
    manifest = project.apply().manifest
    assert manifest is not None
    assert len(read(manifest)) == 12


def test_a_name_that_is_taken_is_never_written_over(photos: Path, opening: Opening) -> None:
    taken = photos.with_name(f"photos.cleaned-7{photos.suffix}")
    taken.write_text("somebody's")
    project = opening(photos)
    project.scan()
    _decide(project, "pets/cat/0.png", "exclude")
    manifest = project.apply().manifest
    assert manifest == photos.with_name(f"photos.cleaned-8{photos.suffix}")
    assert taken.read_text() == "somebody's"


def test_an_image_that_cannot_be_had_now_keeps_what_was_decided(
    photos: Path, opening: Opening
) -> None:
    project = opening(photos)
    project.scan()
    _decide(project, "pets/cat/0.png", "move", "owl")
    _decide(project, "pets/cat/1.png", "move", "dog")
    away = (photos.parent / "pets/cat/0.png").rename(photos.parent / "away.png")
    (photos.parent / "pets/cat/1.png").write_bytes(encoded(picture(77)))
    assert project.scan().missing == 2
    _decide(project, "pets/cat/2.png", "move", "dog")
    manifest = project.apply().manifest
    assert manifest is not None
    assert [row[1] for row in read(manifest)[:4]] == ["owl", "cat", "dog", "cat"]
    away.rename(photos.parent / "pets/cat/0.png")


def test_a_row_that_somebody_corrected_is_not_changed_back(
    photos: Path, opening: Opening, rows: list[tuple[str, str, str]]
) -> None:
    project = opening(photos)
    project.scan()
    _decide(project, "pets/cat/0.png", "exclude")
    rows[0] = (rows[0][0], "dog", rows[0][2])
    photos.write_bytes(written(rows, ".csv"))
    (photos.parent / "pets/cat/0.png").write_bytes(encoded(picture(77)))
    assert project.scan().missing == 1
    _decide(project, "pets/cat/1.png", "move", "owl")
    manifest = project.apply().manifest
    assert manifest is not None
    assert [row[:2] for row in read(manifest)[:2]] == [
        ("pets/cat/0.png", "dog"),
        ("pets/cat/1.png", "owl"),
    ]


def test_rows_that_were_added_and_a_manifest_that_was_deleted_call_for_a_new_one(
    photos: Path, opening: Opening, rows: list[tuple[str, str, str]]
) -> None:
    project = opening(photos)
    project.scan()
    _decide(project, "pets/cat/0.png", "move", "owl")
    first = project.apply().manifest
    write_image(photos.parent / "new.png", seed=50)
    photos.write_bytes(written([*rows, ("new.png", "cat", "")], ".csv"))
    project.scan()
    assert project.status()["moves_to_apply"] == 1
    second = project.apply().manifest
    assert first is not None
    assert second is not None
    assert (len(read(first)), len(read(second))) == (12, 13)
    second.unlink()
    assert project.apply().manifest == second
    photos.write_bytes(second.read_bytes())
    project.scan()
    assert project.status()["moves_to_apply"] == 0
    assert project.apply().manifest is None


def test_rows_added_under_the_earlier_name_of_a_class_are_of_the_class_it_is_now(
    photos: Path, opening: Opening, rows: list[tuple[str, str, str]]
) -> None:
    project = opening(photos)
    project.scan()
    classes.rename(project, "cat", "feline")
    write_image(photos.parent / "new.png", seed=50)
    rows[4] = (rows[4][0], "cat", "a dog that somebody called by the earlier name")
    photos.write_bytes(written([*rows, ("new.png", "cat", "")], ".csv"))
    project.scan()
    assert project.class_names() == ("dog", "feline", "owl")
    labels = {item.path: item.current_label for item in project.dataset().items}
    assert labels["cat/new.png"] == labels["cat/pets/dog/0.png"] == "feline"
    (told,) = _found(project, "renamed_class")
    assert told.paths == ("cat",)
    assert "6 images have this class in the manifest; here it is called feline" in told.detail
    _decide(project, "new.png", "move", "owl")
    project.undo()
    manifest = project.apply().manifest
    assert manifest is not None
    assert [row[1] for row in read(manifest)].count("feline") == 6


def test_an_earlier_name_that_is_a_class_again_is_that_class(
    photos: Path, opening: Opening, rows: list[tuple[str, str, str]]
) -> None:
    project = opening(photos)
    project.scan()
    classes.rename(project, "cat", "feline")
    classes.add(project, "cat")
    write_image(photos.parent / "new.png", seed=50)
    photos.write_bytes(written([*rows, ("new.png", "cat", "")], ".csv"))
    project.scan()
    labels = {item.path: item.current_label for item in project.dataset().items}
    assert (labels["cat/new.png"], labels["cat/pets/cat/0.png"]) == ("cat", "feline")
    assert _found(project, "renamed_class") == []


def test_what_is_decided_again_as_it_was_is_nothing_to_apply(
    photos: Path, opening: Opening
) -> None:
    project = opening(photos)
    project.scan()
    _decide(project, "pets/cat/0.png", "move", "owl")
    project.apply()
    project.undo()
    _decide(project, "pets/cat/0.png", "move", "owl")
    assert project.apply().manifest is None
    assert project.status()["moves_to_apply"] == 0


def test_a_changed_picture_is_read_again(photos: Path, opening: Opening) -> None:
    project = opening(photos)
    project.scan()
    write_image(photos.parent / "pets/cat/0.png", seed=99)
    taken = project.scan()
    assert (taken.added, taken.missing) == (1, 1)


def test_an_address_needs_a_named_state_folder() -> None:
    with pytest.raises(StoreError, match="--state") as refused:
        Project(Path("s3://pets/photos.csv"))
    assert "\n" not in str(refused.value)
