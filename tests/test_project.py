from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path

import pytest

from cleaner.errors import DatasetError, NotScored, SettingsError, StoreError, UnknownItem
from cleaner.items import Item
from cleaner.progress import Progress
from cleaner.project import Project, default_state
from cleaner.recording import Request
from tests.pictures import write_dataset, write_image
from tests.ranking import open_round

pytestmark = pytest.mark.every_store


def _item(project: Project, path: str) -> Item:
    (found,) = [item for item in project.dataset().items if item.path == path]
    return found


def test_state_lies_beside_the_dataset_and_never_in_it(project: Project) -> None:
    assert project.state == project.root.with_name("pets.cleaner") == default_state(project.root)
    assert {path.name for path in project.root.iterdir()} == {"cat", "dog", "owl"}


def test_a_scan_finds_every_image_once(project: Project) -> None:
    again = project.scan()
    assert (again.added, again.relocated, again.missing) == (0, 0, 0)
    assert len(project.dataset().items) == 12


def test_a_scan_tells_how_far_it_is(dataset: Path) -> None:
    told: list[Progress] = []
    project = Project(dataset)
    project.scan(told.append)
    project.store.close()
    assert max(progress.done for progress in told) == 12


def test_other_shares_are_held_out_of_the_images_that_come_then(tmp_path: Path) -> None:
    root = write_dataset(tmp_path / "pets", {"cat": 20, "dog": 20})
    project = Project(root)
    project.hold_out(validation=0.05, test=0.3)
    project.scan()
    before = {item.content_hash: item.split for item in project.dataset().items}
    assert Counter(before.values()) == {"train": 26, "validation": 2, "test": 12}

    project.hold_out(validation=0.0, test=0.05)
    write_image(root / "cat" / "later.png", seed=99)
    project.scan()

    after = {item.content_hash: item.split for item in project.dataset().items}
    assert len(after) == 41
    assert after | before == after
    with pytest.raises(SettingsError):
        project.hold_out(validation=0.5, test=0.5)
    project.store.close()


def test_a_renamed_file_keeps_its_number_and_split(project: Project) -> None:
    before = _item(project, "cat/0.png")
    (project.root / "cat" / "0.png").rename(project.root / "cat" / "tom.png")
    assert project.scan().relocated == 1
    after = _item(project, "cat/tom.png")
    assert (after.item_id, after.split) == (before.item_id, before.split)


def test_a_file_moved_by_hand_to_another_class_is_taken_at_its_word(project: Project) -> None:
    (project.root / "cat" / "0.png").rename(project.root / "dog" / "tom.png")
    project.scan()
    item = _item(project, "dog/tom.png")
    assert (item.given_label, item.current_label, item.status) == ("cat", "dog", "moved")


def test_a_file_that_is_gone_keeps_its_decisions_for_when_it_comes_back(project: Project) -> None:
    item = _item(project, "cat/0.png")
    project.decide([Request(item.item_id, "move", "dog")])
    away = project.root.parent / "away.png"
    shutil.move(project.root / "cat" / "0.png", away)
    assert project.scan().missing == 1
    shutil.move(away, project.root / "cat" / "0.png")
    project.scan()
    assert _item(project, "cat/0.png").current_label == "dog"


def test_copies_of_one_picture_share_a_split(tmp_path: Path) -> None:
    root = write_dataset(tmp_path / "pets", {"cat": 6, "dog": 6})
    shutil.copy(root / "cat" / "0.png", root / "dog" / "copy.png")
    project = Project(root)
    project.scan()
    assert _item(project, "cat/0.png").split == _item(project, "dog/copy.png").split
    project.store.close()


def test_a_dataset_that_was_renamed_is_known_by_its_state(project: Project) -> None:
    number = _item(project, "cat/0.png").item_id
    project.store.close()
    moved = project.root.rename(project.root.with_name("animals"))
    again = Project(moved, project.state)
    again.scan()
    assert _item(again, "cat/0.png").item_id == number
    again.store.close()


def test_a_request_that_arrives_twice_counts_once(project: Project) -> None:
    request = Request(_item(project, "cat/0.png").item_id, "move", "dog")
    first, second = project.decide([request]), project.decide([request])
    assert first.recorded == second.recorded == (request.op_id,)
    assert len(project.history()) == 1


def test_a_request_that_stands_twice_in_one_batch_counts_once(project: Project) -> None:
    request = Request(_item(project, "cat/0.png").item_id, "exclude")
    project.decide([request, request])
    assert len(project.history()) == 1


def test_a_move_to_where_it_is_counts_as_accepted(project: Project) -> None:
    project.decide([Request(_item(project, "cat/0.png").item_id, "move", "cat")])
    assert _item(project, "cat/0.png").status == "accepted"


def test_a_move_to_an_unknown_class_is_rejected_with_the_known_ones(project: Project) -> None:
    (refused,) = project.decide(
        [Request(_item(project, "cat/0.png").item_id, "move", "cow")]
    ).rejected
    assert "cat, dog, owl" in refused.reason


def test_of_a_batch_the_good_ones_are_kept_unless_all_or_none_is_asked(project: Project) -> None:
    good, bad = Request(_item(project, "cat/0.png").item_id, "accept"), Request(999, "accept")
    assert len(project.decide([good, bad], all_or_none=True).recorded) == 0
    assert project.history() == []
    assert len(project.decide([good, bad]).recorded) == 1


def test_applied_moves_match_the_decisions_and_undo_brings_them_back(project: Project) -> None:
    moved, excluded = _item(project, "cat/0.png"), _item(project, "dog/0.png")
    project.decide([Request(moved.item_id, "move", "owl"), Request(excluded.item_id, "exclude")])
    assert len(project.apply().moved) == 2
    assert project.file_of(moved.item_id).parent == project.root / "owl"
    assert project.file_of(excluded.item_id).is_relative_to(project.state / "quarantine")
    project.undo(last=2)
    assert project.file_of(moved.item_id) == project.root / "cat" / "0.png"
    assert project.file_of(excluded.item_id) == project.root / "dog" / "0.png"
    assert project.plan_moves().moves == ()


def test_a_name_that_is_taken_is_never_overwritten(project: Project) -> None:
    there = (project.root / "dog" / "0.png").read_bytes()
    item = _item(project, "cat/0.png")
    project.decide([Request(item.item_id, "move", "dog")])
    project.apply()
    assert (project.root / "dog" / "0.png").read_bytes() == there
    assert project.file_of(item.item_id) == project.root / "dog" / "0~2.png"


def test_undo_of_a_decision_that_was_not_applied_moves_nothing(project: Project) -> None:
    project.decide([Request(_item(project, "cat/0.png").item_id, "move", "owl")])
    project.undo()
    assert _item(project, "cat/0.png").status == "unreviewed"
    assert (project.root / "cat" / "0.png").exists()


def test_an_excluded_image_is_not_missed_by_the_next_scan(project: Project) -> None:
    project.decide([Request(_item(project, "cat/0.png").item_id, "exclude")])
    project.apply()
    assert project.scan().missing == 0
    assert len(project.dataset().items) == 12


def test_the_queue_needs_a_round(project: Project) -> None:
    with pytest.raises(NotScored, match="cleaner score"):
        project.queue()


def test_pages_of_the_queue_join(ranked: Project) -> None:
    (first,) = ranked.queue(limit=1)
    assert [item.path for item in ranked.queue(after=first.position)] == ["dog/1.png"]


def test_an_unknown_number_is_named(project: Project) -> None:
    with pytest.raises(UnknownItem, match="999"):
        project.file_of(999)


def test_status_counts_by_current_label(project: Project) -> None:
    project.decide([Request(_item(project, "cat/0.png").item_id, "move", "dog")])
    status = project.status()
    assert status["classes"] == {"cat": 3, "dog": 5, "owl": 4}
    assert status["moves_to_apply"] == 1


def test_names_that_are_not_utf_8_are_kept_as_they_are(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    write_image(tmp_path / "places" / name / "1.png")
    project = Project(tmp_path / "places")
    project.scan()
    (item,) = project.dataset().items
    assert item.path == f"{name}/1.png"
    assert project.path_of(item).exists()
    project.store.close()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="gone"):
        Project(tmp_path / "gone")


def test_a_state_folder_that_cannot_be_made_is_named(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="--state"):
        Project(dataset, tmp_path / "file" / "state")


def test_files_that_are_moved_while_a_scan_reads_are_not_taken_for_moved_by_hand(
    ranked: Project,
) -> None:
    first = ranked.queue()[0]
    ranked.decide([Request(first.item_id, "move", "dog")])
    applied: list[int] = []

    def apply_meanwhile(_progress: Progress) -> None:
        if not applied:
            applied.append(len(ranked.apply().moved))

    ranked.scan(apply_meanwhile)
    item = next(item for item in ranked.dataset().items if item.item_id == first.item_id)
    assert applied == [1]
    assert (item.current_label, item.path) == ("dog", "dog/0~2.png")
    assert [decision.action for decision in ranked.history()] == ["move"]


def test_undoing_a_move_beneath_a_skip_gives_the_label_back(ranked: Project) -> None:
    first = ranked.queue()[0]
    moved, skipped = Request(first.item_id, "move", "dog"), Request(first.item_id, "skip")
    ranked.decide([moved, skipped])
    ranked.decide([Request(first.item_id, "undo", undoes=moved.op_id)])
    item = next(item for item in ranked.dataset().items if item.item_id == first.item_id)
    assert (item.current_label, item.status) == ("cat", "skipped")


def test_undo_takes_back_what_was_decided_not_what_was_moved_by_hand(ranked: Project) -> None:
    first = ranked.queue()[0]
    ranked.decide([Request(first.item_id, "exclude")])
    (ranked.root / "owl" / "3.png").rename(ranked.root / "cat" / "by hand.png")
    ranked.scan()
    assert [decision.action for decision in ranked.undo().decisions] == ["exclude"]


def test_undo_brings_an_image_skipped_in_an_earlier_round_back_into_the_queue(
    ranked: Project,
) -> None:
    first = ranked.queue()[0]
    ranked.decide([Request(first.item_id, "skip")])
    open_round(ranked, flagged={first.path: "dog"})
    ranked.decide([Request(first.item_id, "accept")])
    ranked.undo()
    assert [item.item_id for item in ranked.queue()] == [first.item_id]


def test_an_undo_revives_a_class_whose_folder_is_gone(ranked: Project) -> None:
    cats = [item for item in ranked.dataset().items if item.current_label == "cat"]
    ranked.decide([Request(item.item_id, "move", "dog") for item in cats])
    ranked.apply()
    (ranked.root / "cat").rmdir()
    ranked.scan()
    ranked.undo(last=len(cats))
    assert "cat" in ranked.class_names()


@pytest.mark.parametrize("name", ["what?x", "a%41b", "a#b"])
def test_any_folder_name_holds_its_own_database(tmp_path: Path, name: str) -> None:
    opened = Project(write_dataset(tmp_path / name, {"cat": 2, "dog": 2}))
    opened.scan()
    assert (tmp_path / f"{name}.cleaner" / "cleaner.sqlite").is_file()


def test_a_state_folder_inside_the_dataset_is_no_class(dataset: Path) -> None:
    opened = Project(dataset, dataset / "state")
    opened.scan()
    assert opened.class_names() == ("cat", "dog", "owl")


def test_a_root_with_dots_is_the_folder_it_leads_to(dataset: Path) -> None:
    assert Project(dataset / "cat" / "..").state.name == "pets.cleaner"


def test_a_file_replaced_after_its_decision_is_named(ranked: Project) -> None:
    first = ranked.queue()[0]
    ranked.decide([Request(first.item_id, "move", "dog")])
    write_image(ranked.root / first.path, seed=123)
    ranked.scan()
    assert [(f.kind, f.paths) for f in ranked.findings()] == [("changed", (first.path,))]


def test_a_file_that_comes_back_takes_its_place_in_the_queue_again(ranked: Project) -> None:
    queue = ranked.queue()
    file, away = ranked.root / queue[0].path, ranked.root.parent / "away.png"
    file.rename(away)
    ranked.scan()
    assert len(ranked.queue()) == len(queue) - 1
    away.rename(file)
    ranked.scan()
    assert ranked.queue() == queue
