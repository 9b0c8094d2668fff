from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from cleaner import folder
from cleaner.errors import DatasetError
from cleaner.items import Finding, Scan
from tests.pictures import encoded, picture, write_dataset, write_image

pytestmark = pytest.mark.filterwarnings("ignore:::PIL")


class Stopped(Exception):
    pass


def kinds(scan: Scan) -> dict[tuple[str, ...], str]:
    return {finding.paths: finding.kind for finding in scan.findings}


def paths(scan: Scan) -> list[str]:
    return [file.path for file in scan.files]


def test_the_first_folder_is_the_class_whatever_lies_deeper(tmp_path: Path) -> None:
    write_image(tmp_path / "cats" / "2020" / "may" / "a.png")
    write_image(tmp_path / "dogs" / "b.JPG", size=(30, 20))

    found = folder.scan(tmp_path)

    assert found.class_names == ("cats", "dogs")
    assert [(f.path, f.class_name) for f in found.files] == [
        ("cats/2020/may/a.png", "cats"),
        ("dogs/b.JPG", "dogs"),
    ]
    assert (found.files[1].width, found.files[1].height) == (30, 20)
    assert found.findings == ()


@pytest.mark.parametrize("workers", [1, 7])
def test_files_come_in_the_order_of_their_bytes(tmp_path: Path, workers: int) -> None:
    names = ["b", "B", "ä", "a b", "-rf", "a\nb", "\udcff", "\U0001f436", "a"]
    for seed, name in enumerate(names):
        write_image(tmp_path / name / "1.png", seed=seed)

    found = folder.scan(tmp_path, workers=workers)

    expected = sorted((f"{name}/1.png" for name in names), key=os.fsencode)
    assert paths(found) == expected
    assert set(found.class_names) == set(names)


def test_every_file_is_read_or_named_with_a_reason(tmp_path: Path) -> None:
    write_dataset(tmp_path, {"cats": 2})
    (tmp_path / "cats" / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    (tmp_path / "cats" / "notes.txt").write_text("x")
    (tmp_path / "cats" / ".hidden.png").write_bytes(encoded(picture()))
    (tmp_path / "cats" / ".git").mkdir()
    (tmp_path / "labels.csv").write_text("x")
    write_image(tmp_path / "loose.png")

    found = folder.scan(tmp_path)

    assert paths(found) == ["cats/0.png", "cats/1.png"]
    assert kinds(found) == {
        ("cats/broken.jpg",): "unreadable",
        ("cats/notes.txt",): "skipped",
        ("cats/.hidden.png",): "skipped",
        ("cats/.git",): "skipped",
        ("labels.csv",): "skipped",
        ("loose.png",): "outside_class",
    }


def test_the_detail_says_in_words_what_is_wrong(tmp_path: Path) -> None:
    write_dataset(tmp_path, {"cats": 1})
    (tmp_path / "cats" / "x.jpg").touch()

    (finding,) = folder.scan(tmp_path).findings

    assert finding == Finding(
        "unreadable",
        ("cats/x.jpg",),
        "error",
        "The file is empty: 0 bytes; fetch it again or delete it.",
    )


def test_an_empty_class_is_kept_and_reported(tmp_path: Path) -> None:
    write_dataset(tmp_path, {"cats": 1, "dogs": 0})

    found = folder.scan(tmp_path)

    assert found.class_names == ("cats", "dogs")
    assert kinds(found) == {("dogs",): "empty_class"}


def test_linked_and_excluded_folders_are_not_entered(tmp_path: Path) -> None:
    root = write_dataset(tmp_path / "root", {"cats": 1, "state": 1})
    (root / "again").symlink_to("cats")
    (root / "cats" / "loop").symlink_to(".")

    found = folder.scan(root, exclude=[root / "state"])

    assert found.class_names == ("cats",)
    assert kinds(found) == {(p,): "skipped" for p in ("again", "cats/loop", "state")}


def test_a_file_of_the_same_size_and_time_is_not_read_again(tmp_path: Path) -> None:
    write_dataset(tmp_path, {"cats": 2})
    first = folder.scan(tmp_path)
    for file in first.files:
        path = tmp_path / file.path
        path.write_bytes(b"?" * file.byte_size)
        os.utime(path, ns=(0, file.mtime_ns))
    write_image(tmp_path / "cats" / "1.png", seed=77)

    again = folder.scan(tmp_path, known={file.path: file for file in first.files})

    assert again.files[0] == first.files[0]
    assert again.files[1].content_hash != first.files[1].content_hash


def test_a_second_scan_says_the_same(tmp_path: Path) -> None:
    write_dataset(tmp_path, {"cats": 5, "dogs": 5})

    first = folder.scan(tmp_path, workers=1)

    assert folder.scan(tmp_path, workers=5) == first
    assert folder.scan(tmp_path, known={file.path: file for file in first.files}) == first


def test_progress_counts_every_file(tmp_path: Path) -> None:
    write_dataset(tmp_path, {"cats": 4})
    (tmp_path / "cats" / "x.jpg").touch()
    heard: list[tuple[int, int, str]] = []

    folder.scan(tmp_path, report=lambda done, total, path: heard.append((done, total, path)))

    assert [done for done, _, _ in heard] == [1, 2, 3, 4, 5]
    assert {total for _, total, _ in heard} == {5}
    assert heard[-1][2] == "cats/x.jpg"


def test_what_report_raises_ends_the_scan_and_its_threads(tmp_path: Path) -> None:
    write_dataset(tmp_path, {"cats": 30})
    before = threading.active_count()

    def stop(done: int, total: int, path: str) -> None:
        if done == 3:
            raise Stopped

    with pytest.raises(Stopped):
        folder.scan(tmp_path, report=stop, workers=2)

    assert threading.active_count() == before


def test_a_file_that_vanishes_meanwhile_is_a_finding(tmp_path: Path) -> None:
    write_dataset(tmp_path, {"cats": 40})

    def remove_last(done: int, total: int, path: str) -> None:
        (tmp_path / "cats" / "9.png").unlink(missing_ok=True)

    found = folder.scan(tmp_path, report=remove_last, workers=1)

    assert len(found.files) == 39
    assert kinds(found) == {("cats/9.png",): "unreadable"}


def test_a_folder_that_cannot_be_listed_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dataset(tmp_path, {"cats": 1, "dogs": 1})
    scandir = os.scandir

    def forbidden(path: Path) -> object:
        if path.name == "dogs":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", forbidden)

    found = folder.scan(tmp_path)

    assert paths(found) == ["cats/0.png"]
    assert kinds(found) == {("dogs",): "unlisted_folder"} | {("dogs",): "empty_class"}


def test_a_pipe_does_not_stop_the_scan(tmp_path: Path) -> None:
    write_dataset(tmp_path, {"cats": 1})
    os.mkfifo(tmp_path / "cats" / "pipe.jpg")
    started = time.monotonic()

    found = folder.scan(tmp_path)

    assert kinds(found) == {("cats/pipe.jpg",): "unreadable"}
    assert time.monotonic() - started < 10


def test_very_deep_folders_are_walked(tmp_path: Path) -> None:
    deep = tmp_path.joinpath("cats", *["d"] * 300)
    write_image(deep / "a.png")

    assert len(folder.scan(tmp_path).files) == 1


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda root: None, "No such file or directory"),
        (lambda root: root.write_text("x"), "this is a file"),
        (lambda root: root.mkdir(), "no class folders"),
        (lambda root: write_image(root / "a.png"), "images .1.. Put each into"),
        (lambda root: (root / "cats").mkdir(parents=True), "they are empty"),
    ],
)
def test_a_folder_that_is_no_dataset_is_one_clear_line(
    tmp_path: Path, make: object, words: str
) -> None:
    root = tmp_path / "data"
    assert callable(make)
    make(root)

    with pytest.raises(DatasetError, match=words) as caught:
        folder.scan(root)

    assert str(root) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_dataset_of_other_files_names_the_commonest_reason(tmp_path: Path) -> None:
    (tmp_path / "cats").mkdir()
    for number in range(3):
        (tmp_path / "cats" / f"{number}.txt").write_text("x")
    (tmp_path / "cats" / "a.jpg").touch()

    with pytest.raises(DatasetError, match=r"4 files were left out, .*no picture's end"):
        folder.scan(tmp_path)
