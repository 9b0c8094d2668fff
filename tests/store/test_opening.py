"""A round that is opened in parts is the one that is opened at once, whatever ends it between."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection

from cleaner.project import Project
from cleaner.recording import Request
from cleaner.store import Store, catalogue, opening, rounds
from tests.faults.moving import Crash
from tests.ranking import VALUES
from tests.store.samples import scanned_file

pytestmark = pytest.mark.every_store

ADDED = 60


def ranking(project: Project, *, every: int = 2) -> list[dict[str, Any]]:
    """Return a ranking that flags every n-th image."""
    return [
        {
            "item_id": item.item_id,
            "position": position,
            "suggested_label": "dog",
            "self_confidence": 0.1,
            "suggested_confidence": 0.9,
            "label_quality": position / 100,
            "flagged": position % every == 0,
            "reasons": [],
        }
        for position, item in enumerate(reversed(project.dataset().items))
    ]


@pytest.fixture
def many(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr(opening, "_ROWS_AT_ONCE", 10)
    new = [(scanned_file(f"cat/{n}.jpg", n), n, "train") for n in range(100, 100 + ADDED)]
    with project.store.write() as connection:
        catalogue.add_items(connection, new)  # type: ignore[arg-type]
    return project


class DyingStore(Store):
    """Ends the world before its n-th transaction."""

    left = 0

    @contextmanager
    def write(self) -> Iterator[Connection]:
        self.left -= 1
        if self.left == 0:
            raise Crash
        with super().write() as connection:
            yield connection


def test_the_queue_holds_what_is_flagged_and_unreviewed_worst_first(many: Project) -> None:
    rows = ranking(many)
    opening.open_round(many.store, VALUES, rows)
    many.decide([Request(rows[2]["item_id"], "accept"), Request(rows[4]["item_id"], "skip")])
    second = ranking(many, every=3)
    assert opening.open_round(many.store, VALUES, second) == 2
    expected = [row["item_id"] for row in second if row["flagged"]]
    expected.remove(rows[2]["item_id"]) if rows[2]["item_id"] in expected else None
    assert [item.item_id for item in many.queue()] == expected
    first, last = many.rounds()
    assert first.closed_at == last.started_at
    assert last.closed_at is None


def test_a_kill_between_any_two_parts_leaves_one_round_or_the_other(
    many: Project, store_url: str | None
) -> None:
    opening.open_round(many.store, VALUES, ranking(many))
    number = 1
    for at in range(1, 40):
        dying = DyingStore(store_url or many.state / "cleaner.sqlite")
        dying.left = at
        is_over = False
        try:
            opening.open_round(dying, VALUES, ranking(many, every=3))
            is_over = True
        except Crash:
            pass
        dying.close()
        if many.rounds()[-1].round_id == number:
            assert len(many.queue()) == 36
            assert len(many.ranking()) == 72
            continue
        number = many.rounds()[-1].round_id
        again = Project(many.root)
        assert len(again.queue()) == 24
        assert len(again.ranking()) == 72
        again.store.close()
        opening.open_round(many.store, VALUES, ranking(many))
        number += 1
        if is_over:
            return
    raise AssertionError("it was never over")


def test_a_decision_does_not_wait_for_the_whole_round(
    many: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = ranking(many)
    opening.open_round(many.store, VALUES, rows)
    real, number = rounds.add_scores, 0
    decided_before_part = list[int]()

    def slow(*arguments: Any) -> None:
        decided_before_part.append(number)
        time.sleep(0.2)
        real(*arguments)

    monkeypatch.setattr(rounds, "add_scores", slow)
    opener = threading.Thread(target=opening.open_round, args=(many.store, VALUES, rows))
    opener.start()
    while opener.is_alive():
        many.decide([Request(rows[number]["item_id"], "accept")])
        number += 1
        time.sleep(0.05)
    opener.join()
    # Between the parts decisions are recorded; if all were one transaction, none would be.
    assert len(decided_before_part) == 8
    assert len(set(decided_before_part)) >= 3
    assert not {row["item_id"] for row in rows[:number]} & {i.item_id for i in many.queue()}
