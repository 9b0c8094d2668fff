from __future__ import annotations

import csv
import hashlib
import itertools
from pathlib import Path

import pytest

from cleaner import demo
from cleaner.errors import DatasetError
from cleaner.progress import Progress
from cleaner.project import Project
from cleaner.recording import Request


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made") / "demo"
    demo.make(root)
    return root


def _truth(root: Path) -> list[dict[str, str]]:
    with (root.with_name(root.name + ".cleaner") / "truth.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


def _hashes(root: Path) -> dict[str, str]:
    return {
        hashlib.sha256(path.read_bytes()).hexdigest(): path.parent.name
        for path in root.rglob("*.jpg")
    }


def test_the_demo_says_what_it_made(made: Path) -> None:
    assert demo.make(made) == {"root": str(made), "images": 1000, "planted_errors": 50}


def test_no_two_images_of_the_demo_are_the_same(made: Path) -> None:
    assert len(_hashes(made)) == len(list(made.rglob("*.jpg"))) == 1000


def test_the_truth_names_every_image_and_the_folder_it_lies_in(made: Path) -> None:
    truth = {row["content_hash"]: row["given_label"] for row in _truth(made)}
    assert truth == _hashes(made)


def test_one_label_in_twenty_is_wrong(made: Path) -> None:
    wrong = [row for row in _truth(made) if row["true_label"] != row["given_label"]]
    assert len(wrong) == 50


def test_every_true_class_has_a_hundred_images(made: Path) -> None:
    labels = [row["true_label"] for row in _truth(made)]
    assert {labels.count(name) for name in demo.CLASS_NAMES} == {100}


def test_names_of_files_do_not_tell_the_true_class(made: Path) -> None:
    by_name = sorted((path.name, path.parent.name) for path in made.rglob("*.jpg"))
    neighbours = itertools.pairwise(by_name)
    assert sum(a[1] == b[1] for a, b in neighbours) < 200  # 100 by chance


def test_the_same_seed_gives_the_same_demo(made: Path, tmp_path: Path) -> None:
    demo.make(tmp_path / "again")
    assert _hashes(tmp_path / "again") == _hashes(made)


def test_another_seed_plants_other_errors(made: Path, tmp_path: Path) -> None:
    demo.make(tmp_path / "other", seed=1)
    assert _truth(tmp_path / "other") != _truth(made)


def test_a_demo_that_is_there_is_left_alone_and_said_so(made: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in made.rglob("*")}
    told: list[Progress] = []
    demo.make(made, report=told.append)
    assert {path: path.stat().st_mtime_ns for path in made.rglob("*")} == before
    assert "already" in told[-1].stage


def test_a_reviewed_demo_is_still_the_demo(tmp_path: Path) -> None:
    root = tmp_path / "demo"
    first = demo.make(root)
    moved = next((root / "one").iterdir())
    moved.rename(root / "two" / moved.name)
    assert demo.make(root) == first


def test_a_folder_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear reader")
    with pytest.raises(DatasetError, match=r"letter\.txt"):
        demo.make(tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]


def test_a_demo_with_a_strange_file_in_it_is_refused(tmp_path: Path) -> None:
    demo.make(tmp_path / "demo")
    (tmp_path / "demo" / "one" / "mine.jpg").write_bytes(b"mine")
    with pytest.raises(DatasetError, match=r"mine\.jpg"):
        demo.make(tmp_path / "demo")


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("")
    with pytest.raises(DatasetError, match="this is a file"):
        demo.make(tmp_path / "demo")


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    assert demo.make(tmp_path / "demo")["images"] == 1000


def test_an_interrupted_demo_leaves_nothing_behind(tmp_path: Path) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.done == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        demo.make(tmp_path / "demo", report=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_the_project_counts_planted_errors_that_were_put_right(tmp_path: Path) -> None:
    root = tmp_path / "demo"
    demo.make(root)
    project = Project(root)
    project.scan()
    truth = {row["content_hash"]: row["true_label"] for row in _truth(root)}
    wrong = [i for i in project.dataset().items if truth[i.content_hash] != i.given_label]
    right_again, excluded, accepted = wrong[:3]
    project.decide(
        [
            Request(right_again.item_id, "move", truth[right_again.content_hash]),
            Request(excluded.item_id, "exclude"),
            Request(accepted.item_id, "accept"),
        ]
    )
    planted = project.planted()
    project.store.close()
    assert planted is not None
    assert (planted.planted, planted.found) == (50, 2)


def test_what_a_file_manager_leaves_behind_does_not_spoil_the_demo(tmp_path: Path) -> None:
    made = demo.make(tmp_path / "demo")
    (tmp_path / "demo" / "one" / ".DS_Store").write_bytes(b"icons")
    assert demo.make(tmp_path / "demo") == made
