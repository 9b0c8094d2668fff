from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from cleaner.decisions import Decision
from cleaner.items import Item
from cleaner.project import Project
from cleaner.store import decisions, rounds
from cleaner.store.tables import decisions as log
from cleaner.store.tables import items
from tests.ranking import open_round

pytestmark = pytest.mark.every_store


def _item(project: Project, path: str) -> Item:
    (found,) = [item for item in project.dataset().items if item.path == path]
    return found


def _decision(project: Project, path: str, op_id: str, **changes: object) -> Decision:
    item = _item(project, path)
    accepted = Decision(
        op_id=op_id,
        item_id=item.item_id,
        action="accept",
        label_before=item.current_label,
        label_after=item.current_label,
        reviewer="",
        decided_at="2026-01-01T00:00:00+00:00",
        round_id=1,
    )
    return replace(accepted, **changes)  # type: ignore[arg-type]


def _record(project: Project, *made: Decision) -> None:
    with project.store.write() as connection:
        for decision in made:
            decisions.record(connection, decision)


def test_a_decision_changes_label_and_status_of_its_image(ranked: Project) -> None:
    _record(ranked, _decision(ranked, "cat/0.png", "a", action="move", label_after="dog"))
    item = _item(ranked, "cat/0.png")
    assert (item.given_label, item.current_label, item.status) == ("cat", "dog", "moved")


def test_a_decided_image_leaves_the_queue(ranked: Project) -> None:
    _record(ranked, _decision(ranked, "cat/0.png", "a"))
    assert [item.path for item in ranked.queue()] == ["dog/1.png"]


def _given_by(project: Project, path: str) -> str | None:
    """Return the op_id of the decision that gave an image its status."""
    joined = select(log.c.op_id).join(items, items.c.decision == log.c.sequence)
    with project.store.read() as connection:
        op_id: str | None = connection.scalar(joined.where(items.c.path == path))
    return op_id


def test_an_image_names_the_decision_that_gave_its_status(ranked: Project) -> None:
    _record(ranked, _decision(ranked, "cat/0.png", "a"), _decision(ranked, "cat/0.png", "b"))
    assert _given_by(ranked, "cat/0.png") == "b"
    _record(ranked, _decision(ranked, "cat/0.png", "c", action="undo", undoes="b"))
    assert _given_by(ranked, "cat/0.png") == "a"
    _record(ranked, _decision(ranked, "cat/0.png", "d", action="undo", undoes="a"))
    assert _given_by(ranked, "cat/0.png") is None


def test_no_decision_gave_the_status_of_what_a_new_round_asks_again(ranked: Project) -> None:
    _record(ranked, _decision(ranked, "cat/0.png", "a", action="skip"))
    open_round(ranked, flagged={"cat/0.png": "dog"})
    assert _given_by(ranked, "cat/0.png") is None


def test_the_same_operation_is_never_logged_twice(ranked: Project) -> None:
    _record(ranked, _decision(ranked, "cat/0.png", "a"))
    with pytest.raises(IntegrityError):
        _record(ranked, _decision(ranked, "dog/1.png", "a"))
    assert [decision.op_id for decision in ranked.history()] == ["a"]


def test_a_decision_is_undone_only_once(ranked: Project) -> None:
    _record(
        ranked,
        _decision(ranked, "cat/0.png", "a"),
        _decision(ranked, "cat/0.png", "b", action="undo", undoes="a"),
    )
    with pytest.raises(IntegrityError):
        _record(ranked, _decision(ranked, "cat/0.png", "c", action="undo", undoes="a"))


def test_an_undone_image_returns_to_its_place_in_the_queue(ranked: Project) -> None:
    _record(
        ranked,
        _decision(ranked, "cat/0.png", "a"),
        _decision(ranked, "cat/0.png", "b", action="undo", undoes="a"),
    )
    assert [item.path for item in ranked.queue()] == ["cat/0.png", "dog/1.png"]


def test_an_undo_uncovers_the_decision_before(ranked: Project) -> None:
    _record(
        ranked,
        _decision(ranked, "cat/0.png", "a", action="exclude"),
        _decision(ranked, "cat/0.png", "b"),
        _decision(ranked, "cat/0.png", "c", action="undo", undoes="b"),
    )
    assert _item(ranked, "cat/0.png").status == "excluded"


def test_standing_decisions_are_those_not_taken_back_the_latest_first(ranked: Project) -> None:
    _record(
        ranked,
        _decision(ranked, "cat/0.png", "a"),
        _decision(ranked, "dog/1.png", "b"),
        _decision(ranked, "dog/1.png", "c", action="undo", undoes="b"),
        _decision(ranked, "owl/0.png", "d", round_id=2),
    )
    with ranked.store.read() as connection:
        found = [decision.op_id for decision in decisions.standing(connection)]
        of_round = [d.op_id for d in decisions.standing(connection, round_id=1)]
    assert (found, of_round) == (["d", "a"], ["a"])


def test_a_new_round_closes_the_one_before_and_refills_the_queue(ranked: Project) -> None:
    _record(ranked, _decision(ranked, "cat/0.png", "a"))
    open_round(ranked, flagged={"owl/3.png": "cat", "cat/0.png": "dog"})
    first, second = ranked.rounds()
    assert first.closed_at is not None
    assert second.closed_at is None
    assert [item.path for item in ranked.queue()] == ["owl/3.png"]  # cat/0 is decided


def test_what_was_skipped_gets_a_second_look_in_the_next_round(ranked: Project) -> None:
    _record(ranked, _decision(ranked, "cat/0.png", "a", action="skip"))
    assert [item.path for item in ranked.queue()] == ["dog/1.png"]
    open_round(ranked, flagged={"cat/0.png": "dog"})
    assert [item.path for item in ranked.queue()] == ["cat/0.png"]


def test_a_round_counts_what_was_decided_in_it(ranked: Project) -> None:
    _record(
        ranked,
        _decision(ranked, "cat/0.png", "a", action="move", label_after="dog"),
        _decision(ranked, "dog/1.png", "b", action="exclude"),
        _decision(ranked, "owl/0.png", "c"),
        _decision(ranked, "owl/0.png", "d", action="undo", undoes="c"),
    )
    (found,) = ranked.rounds()
    assert (found.reviewed, found.relabelled, found.excluded) == (2, 1, 1)


def test_pages_of_the_ranking_join_without_gap_or_overlap(ranked: Project) -> None:
    with ranked.store.read() as connection:
        first = rounds.ranking_page(connection, limit=5)
        rest = rounds.ranking_page(connection, after=first[-1].position)
    assert [item.position for item in (*first, *rest)] == list(range(12))
