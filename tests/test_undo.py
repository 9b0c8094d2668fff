"""Taking back one decision, several, or all, with the moves that followed."""

from __future__ import annotations

import pytest

from cleaner.decisions import FOLDER_REVIEWER
from cleaner.errors import UndoRefused
from cleaner.items import Item
from cleaner.logbook import Wanted
from cleaner.progress import Progress
from cleaner.project import Project
from cleaner.recording import Request
from tests.ranking import open_round

pytestmark = pytest.mark.every_store


def _item(project: Project, item_id: int) -> Item:
    (found,) = [item for item in project.dataset().items if item.item_id == item_id]
    return found


def _decided(project: Project, item_id: int, action: str, label: str | None = None) -> str:
    request = Request(item_id, action, label)  # type: ignore[arg-type]
    assert project.decide([request]).recorded
    return request.op_id


@pytest.fixture
def first(ranked: Project) -> int:
    """The number of the first image of the queue, cat/0.png."""
    return ranked.queue()[0].item_id


def test_one_decision_of_many_is_taken_back_with_its_move(ranked: Project, first: int) -> None:
    op_id = _decided(ranked, first, "move", "owl")
    _decided(ranked, ranked.queue()[0].item_id, "exclude")
    ranked.apply()
    undone = ranked.undo_decisions([op_id], reviewer="Ann")
    assert [decision.op_id for decision in undone.decisions] == [op_id]
    assert ranked.file_of(first) == ranked.root / "cat" / "0.png"
    assert _item(ranked, first).status == "unreviewed"
    assert ranked.log(Wanted(action="undo"))[0].decision.reviewer == "Ann"
    assert len(list((ranked.state / "quarantine").rglob("*.png"))) == 1


def test_what_later_decisions_build_on_is_refused_in_one_line(ranked: Project, first: int) -> None:
    earlier = _decided(ranked, first, "move", "owl")
    later = _decided(ranked, first, "accept")
    with pytest.raises(UndoRefused, match=later) as refused:
        ranked.undo_decisions([earlier])
    assert "\n" not in str(refused.value)
    assert _item(ranked, first).current_label == "owl"


def test_together_they_are_taken_back_the_latest_first(ranked: Project, first: int) -> None:
    op_ids = [_decided(ranked, first, "move", label) for label in ("owl", "dog", "owl")]
    ranked.apply()
    undone = ranked.undo_decisions(op_ids)
    assert [decision.op_id for decision in undone.decisions] == op_ids[::-1]
    assert _item(ranked, first).current_label == "cat"
    assert ranked.file_of(first) == ranked.root / "cat" / "0.png"
    assert ranked.plan_moves().moves == ()


def test_an_unknown_an_undone_and_an_undo_are_refused(ranked: Project, first: int) -> None:
    op_id = _decided(ranked, first, "accept")
    ranked.undo_decisions([op_id])
    undo = ranked.log(Wanted(action="undo"))[0].decision.op_id
    for refused, words in ((op_id, "before"), (undo, "an undo"), ("nobody", "no decision|No deci")):
        with pytest.raises(UndoRefused, match=words):
            ranked.undo_decisions([refused])


def test_of_several_all_are_taken_back_or_none(ranked: Project, first: int) -> None:
    op_id = _decided(ranked, first, "accept")
    with pytest.raises(UndoRefused):
        ranked.undo_decisions([op_id, "nobody"])
    assert _item(ranked, first).status == "accepted"


def test_a_file_moved_by_hand_is_taken_back_by_name_alone(ranked: Project) -> None:
    (ranked.root / "owl" / "3.png").rename(ranked.root / "cat" / "by hand.png")
    ranked.scan()
    (by_hand,) = ranked.log(Wanted(reviewer=FOLDER_REVIEWER))
    assert ranked.undo_all().decisions == ()
    ranked.undo_decisions([by_hand.decision.op_id])
    assert _item(ranked, by_hand.decision.item_id).current_label == "owl"
    (move,) = ranked.plan_moves().moves
    assert move.destination.startswith("dataset/owl/")


def test_everything_is_taken_back_and_every_file_lies_where_it_lay(ranked: Project) -> None:
    lay = {path.relative_to(ranked.root) for path in ranked.root.rglob("*.png")}
    for entry in ranked.queue():
        _decided(ranked, entry.item_id, "move", "owl")
    ranked.apply()
    open_round(ranked, flagged={"owl/1.png": "cat"})
    for entry in ranked.queue():
        _decided(ranked, entry.item_id, "exclude")
    ranked.apply()
    told: list[Progress] = []
    undone = ranked.undo_all(report=told.append)
    assert (len(undone.decisions), undone.problems) == (3, ())
    assert {path.relative_to(ranked.root) for path in ranked.root.rglob("*.png")} == lay
    assert {item.status for item in ranked.dataset().items} == {"unreviewed"}
    assert told[0].total == 3


def test_a_long_list_is_taken_back_in_parts(
    ranked: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cleaner.project._UNDONE_AT_ONCE", 2)
    numbers = [item.item_id for item in ranked.dataset().items]
    ranked.decide([Request(number, "accept") for number in numbers])
    told: list[Progress] = []
    assert len(ranked.undo_all(report=told.append).decisions) == len(numbers)
    assert [progress.done for progress in told[:-1]] == list(range(0, len(numbers), 2))


def test_undoing_a_round_leaves_what_a_later_one_says(ranked: Project, first: int) -> None:
    _decided(ranked, first, "move", "owl")
    open_round(ranked, flagged={"cat/0.png": "dog"})
    _decided(ranked, first, "move", "dog")
    assert len(ranked.undo(round_id=1).decisions) == 1
    assert _item(ranked, first).current_label == "dog"
