"""What each round brought, what is left, and whether to go on: from decisions on real files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cleaner import classes, surveying
from cleaner.decisions import ReviewItem
from cleaner.items import Item
from cleaner.leasing import Demand
from cleaner.project import Project
from cleaner.recording import Request
from cleaner.sampling import Sampling
from cleaner.selection import QUEUE, Selection
from cleaner.store import lots, rounds
from tests.pictures import write_dataset, write_image
from tests.ranking import draw_lots, open_round

_FLAGGED = {"cat/0.png": "dog", "dog/1.png": "owl", "owl/2.png": "cat", "cat/3.png": "owl"}


@pytest.fixture
def drawn(tmp_path: Path, store_url: str | None) -> Iterator[Project]:
    """Sixty images, four of them flagged, twenty drawn at random."""
    root = write_dataset(tmp_path / "pets", {"cat": 20, "dog": 20, "owl": 20})
    project = Project(root, store=store_url)
    project.scan()
    open_round(project, flagged=_FLAGGED)
    draw_lots(project, flagged=tuple(_FLAGGED))
    project.set_sampling(Sampling(size=20))
    yield project
    project.store.close()


def _sample(project: Project) -> list[int]:
    with project.store.read() as connection:
        return lots.next_drawn(connection)


def _decide(project: Project, item_ids: list[int], action: str = "accept") -> None:
    outcome = project.decide([Request(item_id, action) for item_id in item_ids])  # type: ignore[arg-type]
    assert not outcome.rejected


def _handed(project: Project, selection: Selection = QUEUE) -> list[ReviewItem]:
    return project.hand_out("one-and-only", Demand(50), selection).items


def _suspect(item: Item, place: int) -> dict[str, Any]:
    return {
        "item_id": item.item_id,
        "position": place,
        "suggested_label": "owl",
        "self_confidence": 0.1,
        "suggested_confidence": 0.8,
        "label_quality": 0.1,
        "flagged": True,
        "reasons": ["Looks different"],
    }


@pytest.mark.every_store
def test_there_is_an_estimate_once_some_of_the_sample_was_looked_at(drawn: Project) -> None:
    before = drawn.outlook()
    assert (before.estimate, before.sample_left) == (None, 20)
    assert before.still_needed > 0
    flagged = {item.item_id for item in drawn.queue()}
    sample = sorted(_sample(drawn), key=lambda item_id: item_id in flagged)
    _decide(drawn, sample[:1], "exclude")
    _decide(drawn, sample[1:])
    after = drawn.outlook()
    assert after.estimate is not None
    assert (after.estimate.drawn, after.sample_left, after.still_needed) == (20, 0, 0)
    assert 0 < after.estimate.overall.errors < 20
    assert sum(one.images for one in after.estimate.classes.values()) == 59


def test_an_undo_takes_the_image_back_into_the_sample(drawn: Project) -> None:
    _decide(drawn, _sample(drawn))
    seen = drawn.outlook().estimate
    drawn.undo(last=3)
    again = drawn.outlook()
    assert seen is not None
    assert seen.drawn == 20
    assert again.sample_left == 3
    _decide(drawn, _sample(drawn))
    assert drawn.outlook().estimate == seen


def test_a_class_that_was_renamed_is_no_error(drawn: Project) -> None:
    _decide(drawn, _sample(drawn))
    classes.rename(drawn, "cat", "lynx")
    found = drawn.outlook().estimate
    assert found is not None
    assert found.overall.errors == 0
    assert set(found.classes) == {"dog", "lynx", "owl"}


def test_copies_that_are_left_out_are_no_errors(drawn: Project) -> None:
    sample = set(_sample(drawn))
    flagged = {item.item_id for item in drawn.queue()}
    others = [i.item_id for i in drawn.dataset().items if i.item_id not in sample | flagged]
    blind = {item.item_id for item in drawn.selected(Selection(status="blind")).items}
    _decide(drawn, [one for one in others if one not in blind][:5], "exclude")
    _decide(drawn, _sample(drawn))
    found = drawn.outlook().estimate
    assert found is not None
    assert (found.overall.errors, found.overall.images) == (0, 55)


def test_images_that_come_later_get_lots_of_their_own(drawn: Project) -> None:
    _decide(drawn, _sample(drawn))
    for number in range(30):
        write_image(drawn.root / "cat" / f"new-{number}.png", seed=100 + number)
    drawn.scan()
    surveying.close(drawn.store)
    open_round(drawn, flagged={})
    draw_lots(drawn)
    later = drawn.outlook()
    assert later.estimate is None
    assert later.courses[0].left is not None
    assert later.courses[1].left is None
    drawn.set_sampling(Sampling(size=40))
    _decide(drawn, _sample(drawn))
    found = drawn.outlook().estimate
    assert found is not None
    assert found.overall.images == 90


def test_drawn_images_come_up_among_the_suspects(drawn: Project) -> None:
    drawn.set_sampling(Sampling(size=20, share=0.5))
    handed = [item.item_id for item in _handed(drawn)]
    flagged = [item.item_id for item in drawn.queue()]
    assert set(flagged) <= set(handed)
    assert len(set(handed) & set(_sample(drawn))) >= 4
    assert len(handed) == len(set(handed))
    drawn.set_sampling(Sampling(size=20, share=0.0))
    assert sorted(item.item_id for item in _handed(drawn)) == sorted(flagged)


def test_who_begins_sees_suspects_before_what_is_looked_at_blind(drawn: Project) -> None:
    with drawn.store.write() as connection:
        images = drawn.dataset().items
        rounds.rerank(connection, 1, [_suspect(item, place) for place, item in enumerate(images)])
    blind = {item.item_id for item in drawn.selected(Selection(status="blind")).items}
    handed = [item.item_id for item in _handed(drawn)]
    assert not blind & set(handed[:8])
    assert blind & set(handed[8:20])
    _decide(drawn, handed[:8])
    again = [item.item_id for item in _handed(drawn)]
    assert again[0] not in blind
    assert blind & set(again[1:8])


@pytest.mark.every_store
def test_the_blind_lane_has_the_sample_first_and_then_the_sealed(drawn: Project) -> None:
    lane = [item.item_id for item in drawn.selected(Selection(status="blind")).items]
    sealed = {item.item_id for item in drawn.dataset().items if item.split == "test"}
    sample = _sample(drawn)
    assert lane[: len(sample)] == sample
    assert set(lane) == set(sample) | sealed
    assert lane[:5] == [item.item_id for item in _handed(drawn, Selection(status="blind"))[:5]]


def test_no_lane_tells_what_is_suggested_for_a_blind_image(drawn: Project) -> None:
    blind = {item.item_id for item in drawn.selected(Selection(status="blind")).items}
    for label in ("cat", "dog", "owl"):
        handed = _handed(drawn, Selection(suggested=label))
        assert not blind & {item.item_id for item in handed}
    flagged = {item.item_id for item in drawn.queue()}
    assert sum(pair.count for pair in drawn.pairs(QUEUE)) == len(flagged - blind)


def test_the_log_says_that_an_image_was_shown_blind(drawn: Project) -> None:
    _decide(drawn, _sample(drawn)[:1])
    assert drawn.history()[0].reason == "Drawn at random, and shown without a suggestion"


def test_the_same_seed_draws_the_same_sample(drawn: Project, tmp_path: Path) -> None:
    root = write_dataset(tmp_path / "again" / "pets", {"cat": 20, "dog": 20, "owl": 20})
    again = Project(root)
    again.scan()
    open_round(again, flagged=_FLAGGED)
    draw_lots(again, flagged=tuple(_FLAGGED))
    again.set_sampling(Sampling(size=20))
    assert _sample(again) == _sample(drawn)
    again.store.close()
