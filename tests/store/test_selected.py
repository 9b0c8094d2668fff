"""What a selection holds, in every order, page by page; the same in every database."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cleaner.decisions import ReviewItem
from cleaner.errors import SelectionError
from cleaner.project import Project
from cleaner.recording import Request
from cleaner.selection import DOWN, ORDERS, Selection
from cleaner.signals import SIGNALS
from cleaner.store import catalogue, rounds, selected
from cleaner.store.selected import Pair
from tests.ranking import VALUES
from tests.store.samples import scanned_file

pytestmark = pytest.mark.every_store

CLASSES = ("<img src=x>", "a%b_c", "cat", "dog", "\u202eowl", os.fsdecode(b"caf\xe9"))
_IMAGES = 60
_FLAGGED = 24
_KINDS = ("rival", "torn", "rival views", "torn models lonely")


@pytest.fixture
def project(tmp_path: Path, store_url: str | None) -> Iterator[Project]:
    """60 images without files, 24 put up, some decided about; one was excluded a round ago."""
    (tmp_path / "photos").mkdir()
    project = Project(tmp_path / "photos", store=store_url)
    with project.store.write() as connection:
        catalogue.set_classes(connection, CLASSES)
        files = [scanned_file(f"{_label(n)}/Photo {n:02d}.jpg", n) for n in range(_IMAGES)]
        catalogue.add_items(connection, [(file, n, "train") for n, file in enumerate(files)])
    _open_round(project, 1)
    project.decide([Request(60, "exclude")], reviewer="zoe")
    _open_round(project, 2, without=[60])
    awaiting = project.queue()
    for number, item in enumerate(awaiting[:8]):
        action = ("accept", "move", "exclude", "skip")[number % 4]
        label = item.suggested_label if action == "move" else None
        asked = Request(item.item_id, action, label)  # type: ignore[arg-type]
        project.decide([asked], reviewer=("ann", "bob", "")[number % 3])
    yield project
    project.store.close()


def _label(number: int) -> str:
    return CLASSES[number % len(CLASSES)]


def _open_round(project: Project, seed: int, without: list[int] | None = None) -> None:
    rng = np.random.default_rng(seed)
    order = [int(n) + 1 for n in rng.permutation(_IMAGES) if n + 1 not in (without or [])]
    ranking = [_row(item_id, place, rng) for place, item_id in enumerate(order)]
    with project.store.write() as connection:
        rounds.open_round(connection, VALUES, ranking)


def _row(item_id: int, place: int, rng: np.random.Generator) -> dict[str, Any]:
    flagged = place < _FLAGGED
    # Some share a position and a quality, as after decisions.
    return {
        "item_id": item_id,
        "position": place // 3 * 3 if flagged else place,
        "suggested_label": CLASSES[(item_id + place % 3) % len(CLASSES)],
        "self_confidence": round(float(rng.random()), 1),
        "suggested_confidence": round(float(rng.random()), 2),
        "label_quality": round(place / 100, 1),
        "flagged": flagged,
        "reasons": ["Looks different"] if flagged else [],
        "reason_kinds": _KINDS[place % 4] if flagged else "",
        "signals": {n: round(float(rng.random()), 1) for n in SIGNALS if n != "self_confidence"},
    }


def _all(project: Project, selection: Selection, limit: int = 7) -> list[ReviewItem]:
    """Return what all pages hold together."""
    found: list[ReviewItem] = []
    after: str | None = ""
    while after is not None:
        page = project.selected(selection, after=after, limit=limit)
        assert len(page.items) <= limit
        found, after = found + page.items, page.after
    return found


def _count(project: Project, selection: Selection) -> int:
    with project.store.read() as connection:
        return selected.count(connection, selection)


def test_the_queue_as_it_stands_is_a_selection(project: Project) -> None:
    found = _all(project, Selection())
    assert found == project.queue()
    assert _count(project, Selection()) == len(found) == 16


@pytest.mark.parametrize("status", ["awaiting", "any", "accepted", "excluded"])
@pytest.mark.parametrize("order", sorted(ORDERS))
def test_pages_hold_every_image_once_and_the_other_way_round(
    project: Project, order: str, status: str
) -> None:
    rising = _all(project, Selection(order=order, status=status))
    falling = _all(project, Selection(order=DOWN + order, status=status), limit=4)
    assert [item.item_id for item in falling] == [item.item_id for item in rising][::-1]
    assert len({item.item_id for item in rising}) == len(rising)
    assert len(rising) == _count(project, Selection(order=order, status=status))
    assert project.selected(Selection(order=order, status=status)).items == rising


def test_statuses_hold_what_they_say(project: Project) -> None:
    found = {
        status: _all(project, Selection(status=status))
        for status in ("awaiting", "unreviewed", "accepted", "moved", "excluded", "skipped", "any")
    }
    assert {status: len(items) for status, items in found.items()} == {
        "awaiting": 16,
        "unreviewed": 51,
        "accepted": 2,
        "moved": 2,
        "excluded": 3,
        "skipped": 2,
        "any": 59,
    }
    assert {item.status for item in found["moved"]} == {"moved"}


def test_what_no_round_ranked_any_more_is_still_found(project: Project) -> None:
    found = {item.item_id: item for item in _all(project, Selection(status="excluded"))}
    assert found[60].position == -1
    assert found[60].suggested_label == found[60].current_label
    assert [i.item_id for i in _all(project, Selection(status="any", reviewer="zoe"))] == [60]


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_is_found_whatever_its_name(project: Project, name: str) -> None:
    everything = _all(project, Selection(status="any"))
    current = _all(project, Selection(status="any", current=name))
    assert current == [item for item in everything if item.current_label == name]
    suggested = _all(project, Selection(status="any", suggested=name))
    assert suggested == [item for item in everything if item.suggested_label == name]
    assert current
    assert suggested


@pytest.mark.parametrize(("reason", "count"), [("rival", 12), ("views", 6), ("lonely", 6)])
def test_reasons_are_found_by_their_kind(project: Project, reason: str, count: int) -> None:
    assert len(_all(project, Selection(status="any", reason=reason))) == count


def test_confidence_is_that_of_the_suggestion_and_both_ends_count(project: Project) -> None:
    everything = _all(project, Selection(status="any"))
    low, high = sorted(item.suggested_confidence for item in everything)[20:40:19]
    found = _all(project, Selection(status="any", low=low, high=high))
    assert found == [item for item in everything if low <= item.suggested_confidence <= high]


@pytest.mark.parametrize(
    ("text", "count"),
    [("photo 0", 10), ("PHOTO 07.JPG", 1), ("%", 10), ("_", 10), ("<img", 10), ("\\", 0)],
)
def test_a_file_is_found_by_a_part_of_its_path(project: Project, text: str, count: int) -> None:
    found = _all(project, Selection(status="any", text=text))
    excluded = _all(project, Selection(status="excluded", text=text))
    early = [item for item in excluded if item.position == -1]
    assert len(found) + len(early) == count


def test_a_file_is_found_by_bytes_that_are_no_text(project: Project) -> None:
    assert len(_all(project, Selection(status="any", text=os.fsdecode(b"f\xe9/")))) >= 9


def test_reviewers_have_what_they_decided_the_latest_first(project: Project) -> None:
    of_ann = _all(project, Selection(status="any", reviewer="ann", order="-decided"))
    log = [one.item_id for one in project.history() if one.reviewer == "ann"]
    assert [item.item_id for item in of_ann] == log
    assert len(log) == 3
    assert _all(project, Selection(status="moved", reviewer="ann")) == [
        item for item in of_ann if item.status == "moved"
    ]


def test_who_decided_again_has_the_image(project: Project) -> None:
    (first, *_rest) = _all(project, Selection(status="any", reviewer="ann"))
    project.decide([Request(first.item_id, "skip")], reviewer="bob")
    of_bob = _all(project, Selection(status="any", reviewer="bob", order="-decided"))
    assert of_bob[0].item_id == first.item_id
    assert first.item_id not in [
        item.item_id for item in _all(project, Selection(status="any", reviewer="ann"))
    ]


def test_pairs_count_what_a_selection_of_them_holds(project: Project) -> None:
    for selection in (Selection(), Selection(status="any", low=0.5), Selection(current="cat")):
        with project.store.read() as connection:
            pairs = selected.pairs(connection, selection)
            assert selected.pairs(connection, selection, limit=2) == pairs[:2]
        assert [pair.count for pair in pairs] == sorted((p.count for p in pairs), reverse=True)
        differing = [
            item for item in _all(project, selection) if item.suggested_label != item.current_label
        ]
        assert sum(pair.count for pair in pairs) == len(differing)
        for pair in pairs:
            assert _pair(differing, pair) == pair


def _pair(found: list[ReviewItem], pair: Pair) -> Pair:
    both = (pair.current, pair.suggested)
    held = [item for item in found if (item.current_label, item.suggested_label) == both]
    return Pair(*both, len(held))


def test_a_decision_between_two_pages_skips_and_repeats_nobody(project: Project) -> None:
    expected = project.queue()
    first = project.selected(Selection(), limit=5)
    project.decide([Request(first.items[-1].item_id, "accept")])
    assert first.after is not None
    rest = project.selected(Selection(), after=first.after, limit=50)
    assert first.items + rest.items == expected


@pytest.mark.parametrize("after", ["x", '"a"', "[]", "1,2,3,4,5,6", "null", "1.5", "[" * 9999])
def test_what_is_no_place_in_the_order_is_refused(project: Project, after: str) -> None:
    with pytest.raises(SelectionError, match="after is no place"):
        project.selected(Selection(), after=after)


@pytest.mark.parametrize("after", ["1", r'"\u0000"', r'"\ud800"', '"cat/Photo 02.jpg",1,1'])
def test_what_no_file_is_called_is_no_place_among_files(project: Project, after: str) -> None:
    with pytest.raises(SelectionError, match="after is no place"):
        project.selected(Selection(order="file"), after=after)


@given(st.integers(-(2**70), 2**70))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_number_is_a_rank_to_begin_behind(project: Project, rank: int) -> None:
    found = project.selected(Selection(), after=str(rank), limit=3).items
    assert found == project.queue(after=min(max(rank, -1), 2**31), limit=3)


def test_what_tells_an_image_from_what_it_was_comes_at_once(project: Project) -> None:
    with project.store.read() as connection:
        signs = selected.signs(connection, range(1, 61))
    assert len(signs) == 60
    assert signs[60].reviewer == "zoe"
    assert signs[60].decided_at is not None
    assert sum(sign.decided_at is not None for sign in signs.values()) == 9
