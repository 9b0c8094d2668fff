"""What was taken back can be decided again, from the log alone and each reviewer's own."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cleaner.decisions import Action
from cleaner.project import Project
from cleaner.recording import Request
from cleaner.store import decisions
from tests.ranking import open_round

pytestmark = pytest.mark.every_store


def undone(project: Project, reviewer: str = "") -> list[tuple[str, str]]:
    """Return the undos that redos would take, in turn, with what each took back."""
    with project.store.read() as connection:
        found = decisions.undone(connection, reviewer, limit=100)
    return [(undo, decision.op_id) for undo, decision in found]


def standing(project: Project, reviewer: str | None = None) -> list[str]:
    with project.store.read() as connection:
        return [one.op_id for one in decisions.standing(connection, reviewer=reviewer)]


def do(
    project: Project,
    op_id: str,
    item_id: int,
    action: Action = "accept",
    *,
    label: str | None = None,
    by: str = "",
) -> None:
    request = Request(item_id, action, label, op_id)
    assert project.decide([request], reviewer=by).rejected == ()


def undo(project: Project, op_id: str, undoes: str, item_id: int, *, by: str = "") -> None:
    request = Request(item_id, "undo", op_id=op_id, undoes=undoes)
    assert project.decide([request], reviewer=by).rejected == ()


def redo(project: Project, op_id: str, undo: str, item_id: int, *, by: str = "") -> str | None:
    """Ask for a redo; return why it was refused."""
    request = Request(item_id, "redo", op_id=op_id, undoes=undo)
    rejected = project.decide([request], reviewer=by).rejected
    return rejected[0].reason if rejected else None


def state(project: Project, item_id: int) -> tuple[str, str]:
    (item,) = [item for item in project.dataset().items if item.item_id == item_id]
    return item.current_label, item.status


def test_a_redo_decides_again_what_was_taken_back(ranked: Project) -> None:
    do(ranked, "move", 1, "move", label="owl")
    undo(ranked, "undo", "move", 1)
    assert state(ranked, 1) == ("cat", "unreviewed")
    assert redo(ranked, "redo", "undo", 1) is None
    assert state(ranked, 1) == ("owl", "moved")
    latest = ranked.history()[0]
    assert (latest.action, latest.label_after, latest.undoes) == ("move", "owl", "undo")
    assert undone(ranked) == []
    assert ranked.rounds()[-1].relabelled == 1


def test_a_redo_that_arrives_twice_counts_once(ranked: Project) -> None:
    do(ranked, "accept", 1)
    undo(ranked, "undo", "accept", 1)
    assert redo(ranked, "redo", "undo", 1) is None
    assert redo(ranked, "redo", "undo", 1) is None
    assert "nothing to redo" in str(redo(ranked, "another", "undo", 1))
    assert len(ranked.history()) == 3


def test_redos_come_in_the_reverse_order_of_undos(ranked: Project) -> None:
    for number in (1, 2, 3):
        do(ranked, f"do {number}", number)
    for number in (3, 2, 1):
        undo(ranked, f"undo {number}", f"do {number}", number)
    assert undone(ranked) == [(f"undo {n}", f"do {n}") for n in (1, 2, 3)]
    redo(ranked, "redo 1", "undo 1", 1)
    assert undone(ranked) == [("undo 2", "do 2"), ("undo 3", "do 3")]
    assert standing(ranked) == ["redo 1"]


def test_a_redo_can_be_undone_and_redone(ranked: Project) -> None:
    do(ranked, "skip", 1, "skip")
    undo(ranked, "undo", "skip", 1)
    redo(ranked, "redo", "undo", 1)
    undo(ranked, "undo 2", "redo", 1)
    assert state(ranked, 1) == ("cat", "unreviewed")
    assert undone(ranked) == [("undo 2", "redo")]
    redo(ranked, "redo 2", "undo 2", 1)
    assert state(ranked, 1) == ("cat", "skipped")


def test_two_decisions_about_one_image_come_back_in_turn(ranked: Project) -> None:
    do(ranked, "first", 1, "move", label="owl")
    do(ranked, "second", 1, "exclude")
    undo(ranked, "undo second", "second", 1)
    undo(ranked, "undo first", "first", 1)
    assert undone(ranked) == [("undo first", "first"), ("undo second", "second")]
    redo(ranked, "redo first", "undo first", 1)
    assert state(ranked, 1) == ("owl", "moved")
    redo(ranked, "redo second", "undo second", 1)
    assert state(ranked, 1) == ("owl", "excluded")


def test_a_new_decision_ends_what_could_be_redone(ranked: Project) -> None:
    do(ranked, "first", 1)
    undo(ranked, "undo", "first", 1)
    do(ranked, "other", 2)
    assert undone(ranked) == []


def test_the_decisions_of_others_do_not_end_it(ranked: Project) -> None:
    do(ranked, "mine", 1, by="ada")
    undo(ranked, "undo", "mine", 1, by="ada")
    do(ranked, "theirs", 2, by="grace")
    assert undone(ranked, "ada") == [("undo", "mine")]
    assert undone(ranked, "grace") == []


def test_what_somebody_else_decided_meanwhile_is_not_redone_over(ranked: Project) -> None:
    do(ranked, "mine", 1, "move", label="dog", by="ada")
    undo(ranked, "undo", "mine", 1, by="ada")
    do(ranked, "theirs", 1, "move", label="owl", by="grace")
    assert undone(ranked, "ada") == []
    assert "decided about since" in str(redo(ranked, "redo", "undo", 1, by="ada"))
    assert state(ranked, 1) == ("owl", "moved")


def test_nobody_redoes_what_another_took_back(ranked: Project) -> None:
    do(ranked, "mine", 1, by="ada")
    undo(ranked, "undo", "mine", 1, by="ada")
    assert redo(ranked, "redo", "undo", 1, by="grace") is not None
    assert redo(ranked, "redo", "undo", 2, by="ada") is not None  # another image
    assert redo(ranked, "redo", "mine", 1, by="ada") is not None  # no undo


def test_one_reviewers_decisions_are_theirs_alone(ranked: Project) -> None:
    do(ranked, "mine", 1, by="ada")
    do(ranked, "theirs", 2, by="grace")
    assert standing(ranked, "ada") == ["mine"]
    assert standing(ranked) == ["theirs", "mine"]


def test_a_redo_in_a_later_round_counts_there(ranked: Project) -> None:
    do(ranked, "exclude", 1, "exclude")
    undo(ranked, "undo", "exclude", 1)
    open_round(ranked, flagged={"cat/0.png": "dog"})
    redo(ranked, "redo", "undo", 1)
    assert [one.excluded for one in ranked.rounds()] == [0, 1]
    assert ranked.queue() == []


@given(keys=st.lists(st.sampled_from("dddur"), max_size=14))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_log_remembers_the_stacks_of_any_editor(ranked: Project, keys: list[str]) -> None:
    """Two lists in memory, as an editor keeps them, against what the log says."""
    done: list[tuple[str, int, str]] = []  # op_id, item, what was first decided
    back: list[tuple[str, int, str]] = []  # the undo, item, what was first decided
    reviewer = f"reviewer {len(ranked.history())}"  # nobody else's entries are in the way
    for number, key in enumerate(keys):
        op_id = f"{reviewer} {number}"
        if key == "d":
            item_id = number % 3 + 1
            do(ranked, op_id, item_id, by=reviewer)
            done, back = [*done, (op_id, item_id, op_id)], []
        elif key == "u" and done:
            undoes, item_id, first = done.pop()
            undo(ranked, op_id, undoes, item_id, by=reviewer)
            back.append((op_id, item_id, first))
        elif key == "r" and back:
            undoes, item_id, first = back.pop()
            assert redo(ranked, op_id, undoes, item_id, by=reviewer) is None
            done.append((op_id, item_id, first))
    assert standing(ranked, reviewer) == [op_id for op_id, *_ in reversed(done)]
    assert [op_id for op_id, _ in undone(ranked, reviewer)] == [op for op, *_ in reversed(back)]
