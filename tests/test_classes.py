from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from sqlalchemy import update

from cleaner import classes
from cleaner.errors import ClassRefused
from cleaner.items import Item
from cleaner.project import Project
from cleaner.recording import Request
from cleaner.store.tables import scores

pytestmark = pytest.mark.every_store


def _labels(project: Project) -> dict[str, int]:
    counts: dict[str, int] = dict(project.status()["classes"])
    return counts


def _item(project: Project, item_id: int) -> Item:
    (found,) = [item for item in project.dataset().items if item.item_id == item_id]
    return found


def _of(project: Project, label: str) -> list[int]:
    return [item.item_id for item in project.dataset().items if item.current_label == label]


# -- what an edit does -------------------------------------------------------------------


def test_a_new_class_is_offered_at_once_and_outlives_a_scan(ranked: Project) -> None:
    classes.add(ranked, "newt")
    assert _labels(ranked) == {"cat": 4, "dog": 4, "newt": 0, "owl": 4}
    ranked.scan()
    assert ranked.class_names() == ("cat", "dog", "newt", "owl")
    assert ranked.decide([Request(1, "move", "newt")]).rejected == ()
    ranked.apply()
    assert len(list((ranked.root / "newt").iterdir())) == 1


def test_a_renamed_class_is_one_edit_and_no_decision(ranked: Project) -> None:
    edit = classes.rename(ranked, "cat", "tiger", reviewer="Anna")
    assert (edit.images, edit.reviewer, str(edit)) == (4, "Anna", "cat renamed to tiger")
    assert _labels(ranked) == {"dog": 4, "owl": 4, "tiger": 4}
    assert ranked.history() == []
    assert {item.given_label for item in ranked.dataset().items} == {"cat", "dog", "owl"}


def test_files_follow_with_the_next_apply_and_the_old_folder_goes(ranked: Project) -> None:
    classes.rename(ranked, "cat", "tiger")
    assert (ranked.scan().relocated, ranked.class_names()) == (0, ("dog", "owl", "tiger"))
    assert len(ranked.apply().moved) == 4
    assert sorted(path.name for path in ranked.root.iterdir()) == ["dog", "owl", "tiger"]
    ranked.scan()
    assert _labels(ranked) == {"dog": 4, "owl": 4, "tiger": 4}
    assert ranked.history() == []


def test_a_folder_that_holds_something_else_is_left(ranked: Project) -> None:
    (ranked.root / "cat" / "notes.txt").write_text("keep me")
    classes.merge(ranked, "cat", "dog")
    ranked.apply()
    assert [path.name for path in (ranked.root / "cat").iterdir()] == ["notes.txt"]
    ranked.scan()
    assert ranked.class_names() == ("dog", "owl")


def test_a_merged_class_is_part_of_the_other(ranked: Project) -> None:
    assert classes.merge(ranked, "cat", "dog").images == 4
    assert _labels(ranked) == {"dog": 8, "owl": 4}
    ranked.apply()
    assert sorted(path.name for path in ranked.root.iterdir()) == ["dog", "owl"]
    assert len(list((ranked.root / "dog").iterdir())) == 8


def test_the_queue_suggests_classes_by_their_new_names(ranked: Project) -> None:
    classes.rename(ranked, "dog", "wolf")
    assert [(item.current_label, item.suggested_label) for item in ranked.queue()] == [
        ("cat", "wolf"),
        ("wolf", "owl"),
    ]


def test_reasons_name_classes_by_their_new_names_also_in_the_log(ranked: Project) -> None:
    told = [
        "Looks like dog (90%), not like cat (< 1%)",
        "Few of the images most like it are labelled cat",
    ]
    with ranked.store.write() as connection:
        connection.execute(update(scores).where(scores.c.flagged).values(reasons=told))
    classes.rename(ranked, "cat", "tiger (2%)")
    classes.rename(ranked, "dog", "wolf")
    classes.undo(ranked)
    classes.rename(ranked, "dog", "fox")
    expected = (
        "Looks like fox (90%), not like tiger (2%) (< 1%)",
        "Few of the images most like it are labelled tiger (2%)",
    )
    assert ranked.queue(limit=1)[0].reasons == expected
    ranked.decide([Request(1, "accept")])
    assert ranked.history()[0].reason == "; ".join(expected)


def test_whoever_does_not_know_the_new_name_yet_means_it(ranked: Project) -> None:
    classes.rename(ranked, "dog", "wolf")
    classes.merge(ranked, "wolf", "owl")
    assert ranked.decide([Request(1, "move", "dog")]).rejected == ()
    assert _item(ranked, 1).current_label == "owl"


def test_new_files_in_a_folder_of_an_old_name_bring_that_class_back(ranked: Project) -> None:
    classes.rename(ranked, "cat", "tiger")
    ranked.apply()
    (ranked.root / "cat").mkdir()
    picture = (ranked.root / "tiger" / "0.png").read_bytes()
    (ranked.root / "cat" / "new.png").write_bytes(picture + b"\0")
    ranked.scan()
    assert _labels(ranked) == {"cat": 1, "dog": 4, "owl": 4, "tiger": 4}


# -- the way back ------------------------------------------------------------------------


def test_undo_restores_names_labels_and_folders(ranked: Project) -> None:
    before = {path.relative_to(ranked.root) for path in ranked.root.rglob("*")}
    classes.rename(ranked, "cat", "tiger")
    classes.merge(ranked, "tiger", "dog")
    classes.add(ranked, "newt")
    ranked.apply()
    for kind in ("add", "merge", "rename"):
        assert classes.undo(ranked).kind == kind
    ranked.apply()
    assert {path.relative_to(ranked.root) for path in ranked.root.rglob("*")} == before
    ranked.scan()
    assert _labels(ranked) == {"cat": 4, "dog": 4, "owl": 4}
    with pytest.raises(ClassRefused, match="No edit"):
        classes.undo(ranked)


def test_a_decision_of_before_a_renaming_is_taken_back_under_the_new_names(
    ranked: Project,
) -> None:
    ranked.decide([Request(1, "move", "dog")])
    classes.rename(ranked, "dog", "wolf")
    classes.rename(ranked, "cat", "tiger")
    assert _item(ranked, 1).current_label == "wolf"
    ranked.undo()
    item = _item(ranked, 1)
    assert (item.given_label, item.current_label) == ("cat", "tiger")


def test_what_was_decided_after_a_merge_stays_when_it_is_taken_back(ranked: Project) -> None:
    first, second, *rest = _of(ranked, "cat")
    ranked.decide([Request(second, "accept")])
    classes.merge(ranked, "cat", "dog")
    ranked.decide([Request(first, "accept")])
    classes.undo(ranked)
    assert _of(ranked, "cat") == [second, *rest]
    assert _item(ranked, first).current_label == "dog"


def test_a_decision_made_under_a_name_that_is_taken_back_keeps_its_class(ranked: Project) -> None:
    classes.rename(ranked, "dog", "wolf")
    ranked.decide([Request(1, "move", "wolf"), Request(1, "exclude")])
    classes.undo(ranked)
    ranked.undo()
    assert _item(ranked, 1).current_label == "dog"


def test_a_class_that_has_images_by_now_is_not_taken_back(ranked: Project) -> None:
    classes.add(ranked, "newt")
    ranked.decide([Request(1, "move", "newt")])
    with pytest.raises(ClassRefused, match="1 images are of this class"):
        classes.undo(ranked)
    assert "newt" in ranked.class_names()


def test_the_database_refuses_to_change_an_edit(ranked: Project) -> None:
    classes.add(ranked, "newt")
    for statement in ("UPDATE class_edits SET images = 7", "DELETE FROM class_edits"):
        with (
            pytest.raises(Exception, match="class_edits are only appended to"),
            ranked.store.write() as connection,
        ):
            connection.exec_driver_sql(statement)


# -- names -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "at least one letter"),
        ("a/b", "without slashes"),
        ("a\nb", "control characters"),
        ("a\0b", "control characters"),
        (".", "hidden"),
        ("..", "hidden"),
        (".hidden", "hidden"),
        ("__MACOSX", "hidden"),
        ("x" * 256, "256"),
        ("ü" * 128, "256"),
        ("\ud800", "no folder can have"),
        ("cat", "such a class already"),
        ("CAT", "in capitals"),
    ],
)
def test_a_name_that_no_class_folder_can_have_is_refused(
    project: Project, name: str, problem: str
) -> None:
    with pytest.raises(ClassRefused, match=problem):
        classes.add(project, name)
    with pytest.raises(ClassRefused):
        classes.rename(project, "cat", name if name != "CAT" else "DOG")
    assert project.class_names() == ("cat", "dog", "owl")


def test_names_that_a_disk_may_not_tell_apart_are_refused(project: Project) -> None:
    classes.add(project, unicodedata.normalize("NFC", "café"))
    for name in (unicodedata.normalize("NFD", "café"), "CAFÉ"):
        with pytest.raises(ClassRefused, match="capitals or in how"):
            classes.add(project, name)


def test_capitals_of_ones_own_name_may_change(project: Project) -> None:
    classes.rename(project, "cat", "Cat")
    project.apply()
    assert sorted(path.name for path in project.root.iterdir()) == ["Cat", "dog", "owl"]


def test_odd_names_are_fine(project: Project) -> None:
    for name in ("<b>x", "x" * 255, "a b", "~", os.fsdecode(b"caf\xe9"), "\U0001f600"):
        classes.rename(project, project.class_names()[0], name)
        project.apply()
        assert name in project.class_names()
        assert len(list((project.root / name).iterdir())) == 4


def test_what_lies_in_the_way_is_named(project: Project, tmp_path: Path) -> None:
    (project.root / "notes").write_text("a file")
    (project.root / "elsewhere").symlink_to(tmp_path)
    (project.root / "full").mkdir()
    (project.root / "full" / "new.png").write_bytes(b"not scanned yet")
    for name, problem in (("notes", "a file"), ("elsewhere", "a link"), ("full", "scan, then")):
        with pytest.raises(ClassRefused, match=problem):
            classes.rename(project, "cat", name)


def test_the_state_folder_is_no_class(dataset: Path, store_url: str | None) -> None:
    project = Project(dataset, dataset / "memory", store_url)
    project.scan()
    with pytest.raises(ClassRefused, match="state folder"):
        classes.add(project, "memory")
    project.store.close()


def test_unknown_classes_are_named(project: Project) -> None:
    with pytest.raises(ClassRefused, match=r"No class .bat.\. Known: cat, dog, owl"):
        classes.rename(project, "bat", "newt")
    with pytest.raises(ClassRefused, match="No class 'bat'"):
        classes.merge(project, "cat", "bat")
    with pytest.raises(ClassRefused, match="into itself"):
        classes.merge(project, "cat", "cat")
