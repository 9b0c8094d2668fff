from __future__ import annotations

import pytest

from cleaner.project import Project
from cleaner.recording import Request
from cleaner.selection import Selection
from cleaner.store import picks

pytestmark = pytest.mark.every_store


def _numbers(project: Project, picked: str, status: str = "any") -> set[int]:
    found = project.selected(Selection(picked=picked, status=status))
    return {item.item_id for item in found.items}


def test_what_was_picked_is_looked_at_and_nothing_else(ranked: Project) -> None:
    numbers = [item.item_id for item in ranked.dataset().items][2:7]
    picked = ranked.pick(numbers)
    assert _numbers(ranked, picked) == set(numbers)
    ranked.decide([Request(numbers[0], "accept")])
    assert _numbers(ranked, picked) == set(numbers)
    assert _numbers(ranked, picked, "unreviewed") == set(numbers[1:])


def test_the_same_images_have_the_same_name(ranked: Project) -> None:
    assert ranked.pick([3, 1, 2]) == ranked.pick([1, 2, 3, 3]) != ranked.pick([1, 2])


def test_a_name_that_nobody_gave_picks_nothing(ranked: Project) -> None:
    assert _numbers(ranked, "nobody") == set()
    assert _numbers(ranked, ranked.pick([])) == set()


def test_old_picks_are_forgotten(ranked: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picks, "MOST_KEPT", 2)
    names = [ranked.pick([number]) for number in (1, 2, 3)]
    assert [_numbers(ranked, name) for name in names] == [set(), {2}, {3}]


def test_an_address_names_a_pick() -> None:
    selection = Selection(picked="0123456789abcdef", status="any")
    assert selection.as_query() == {"picked": "0123456789abcdef", "status": "any"}
    assert Selection.of_query(selection.as_query()) == selection


def test_points_tell_how_images_stand(ranked: Project) -> None:
    first = ranked.queue()[0]
    ranked.decide([Request(first.item_id, "move", "owl")])
    found = ranked.points([first.item_id, 999])
    assert list(found) == [first.item_id]
    point = found[first.item_id]
    assert (point.path, point.given_label, point.current_label, point.status) == (
        "cat/0.png",
        "cat",
        "owl",
        "moved",
    )
    assert (point.suggested_label, point.label_quality, point.flagged) == ("dog", 0.1, True)


def test_without_a_round_points_have_no_quality(project: Project) -> None:
    numbers = [item.item_id for item in project.dataset().items]
    found = project.points(numbers)
    assert len(found) == len(numbers)
    assert {point.label_quality for point in found.values()} == {None}
