"""Several pages at one queue: each gets images of its own, until it is closed or silent."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from cleaner import leasing
from cleaner.leasing import Demand
from cleaner.project import Project
from cleaner.recording import Request
from cleaner.selection import QUEUE
from cleaner.store import catalogue
from tests.ranking import open_round
from tests.store.samples import scanned_file

pytestmark = pytest.mark.every_store

_PROJECT = Path(__file__).resolve().parent.parent
_IMAGES = 100

# Decides what it is handed out until nothing is left; says which images it was shown.
_REVIEW = """
import json, sys
from pathlib import Path
from cleaner.leasing import Demand
from cleaner.project import Project
from cleaner.recording import Request

project, name, shown = Project(Path(sys.argv[1])), sys.argv[2], []
while True:
    handed = project.hand_out(name, Demand(10))
    if not handed.items:
        break
    for item in handed.items[:5]:
        shown.append(item.item_id)
        assert project.decide([Request(item.item_id, "accept", seen="")]).rejected == ()
print(json.dumps(shown))
"""


@pytest.fixture
def queued(project: Project) -> Project:
    """A hundred images that await a decision; their files were never there."""
    paths = [f"cat/{number}.jpg" for number in range(100, 100 + _IMAGES)]
    with project.store.write() as connection:
        new = [(scanned_file(path, number), number, "train") for number, path in enumerate(paths)]
        catalogue.add_items(connection, new)  # type: ignore[arg-type]
    open_round(project, flagged=dict.fromkeys(paths, "dog"))
    return project


def _handed(project: Project, holder: str, limit: int = 50) -> list[int]:
    return [item.item_id for item in project.hand_out(holder, Demand(limit)).items]


def test_whoever_is_alone_gets_the_queue_as_it_is(queued: Project) -> None:
    queue = [item.item_id for item in queued.queue(limit=50)]
    assert _handed(queued, "anna") == queue
    assert _handed(queued, "anna") == queue


def test_two_pages_get_different_images(queued: Project) -> None:
    first, second = _handed(queued, "anna"), _handed(queued, "ben")
    assert len(second) == leasing.SHARE
    assert not set(first) & set(second)


def test_nobody_sits_on_more_than_a_share_once_others_come(queued: Project) -> None:
    assert len(_handed(queued, "anna", 90)) == _IMAGES // 2
    _handed(queued, "ben")
    assert len(_handed(queued, "anna", 90)) == leasing.SHARE
    assert len(_handed(queued, "ben")) == leasing.SHARE


def test_of_a_short_queue_half_is_left_to_whoever_comes_next(queued: Project) -> None:
    for item in queued.queue(limit=40):
        queued.decide([Request(item.item_id, "accept")])
    assert len(_handed(queued, "anna", 60)) == 30
    assert len(_handed(queued, "ben", 60)) == 60 - 30 - leasing.SPARE


def test_where_others_have_all_that_is_left_their_number_is_told(queued: Project) -> None:
    for item in queued.queue(limit=_IMAGES - 12):
        queued.decide([Request(item.item_id, "accept")])
    _handed(queued, "anna")
    handed = queued.hand_out("ben", Demand(50))
    assert (handed.items, handed.with_others) == ([], 12)


def test_what_is_given_back_goes_to_the_next(queued: Project) -> None:
    first = _handed(queued, "anna")
    leasing.release(queued.store, ["anna"])
    assert _handed(queued, "ben") == first


def test_a_request_that_arrives_after_its_page_was_closed_keeps_nothing(queued: Project) -> None:
    _handed(queued, "anna")
    leasing.release(queued.store, ["anna"])
    late = _handed(queued, "anna")
    assert late
    assert _handed(queued, "ben") == late


def test_a_page_that_is_silent_loses_what_it_has(
    queued: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _handed(queued, "anna")
    later = time.time() + leasing.TERM_SECONDS + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert _handed(queued, "ben") == first


def test_asking_again_keeps_what_one_has(queued: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    first, began = _handed(queued, "anna", leasing.SHARE), time.time()
    for passed in (0.7, 1.4, 2.1):
        monkeypatch.setattr(time, "time", lambda: began + passed * leasing.TERM_SECONDS)  # noqa: B023
        assert _handed(queued, "anna", leasing.SHARE) == first
        assert not set(_handed(queued, "ben")) & set(first)


def test_a_page_keeps_what_it_shows_and_gets_what_comes_behind_it(queued: Project) -> None:
    queue = [item.item_id for item in queued.queue()]
    shown = _handed(queued, "anna", 20)
    place = queued.place_of(QUEUE, queued.queue(limit=20)[-1])
    demand = Demand(50, keep=tuple(shown), share=50)
    more = queued.hand_out("anna", demand, after=place)
    assert [item.item_id for item in more.items] == queue[20:50]
    assert not more.is_all
    assert not set(_handed(queued, "ben", 90)) & set(queue[:50])
    again = queued.hand_out("anna", demand, after=place)  # with others at work
    assert [item.item_id for item in again.items] == queue[20:50]
    narrow = Demand(50, keep=tuple(shown), share=24)
    assert len(queued.hand_out("anna", narrow, after=place).items) == 24 - len(shown)


def test_what_others_got_meanwhile_is_not_kept(
    queued: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = _handed(queued, "anna", 10)
    later = time.time() + leasing.TERM_SECONDS + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert _handed(queued, "ben", 10) == shown
    queued.hand_out("anna", Demand(10, keep=tuple(shown)))
    assert _handed(queued, "ben", 10) == shown


def test_the_end_of_a_pile_is_told(queued: Project) -> None:
    for item in queued.queue(limit=_IMAGES - 12):
        queued.decide([Request(item.item_id, "accept")])
    first = queued.hand_out("anna", Demand(8))
    assert (len(first.items), first.is_all) == (8, False)
    place = queued.place_of(QUEUE, first.items[-1])
    keep = tuple(item.item_id for item in first.items)
    rest = queued.hand_out("anna", Demand(20, keep=keep), after=place)
    assert (len(rest.items), rest.is_all) == (4, True)


def test_not_every_decision_makes_a_page_write(queued: Project) -> None:
    def held() -> list[tuple[object, ...]]:
        with queued.store.read() as connection:
            rows = connection.exec_driver_sql("SELECT expires_at FROM leases")
            return sorted(tuple(row) for row in rows)

    _handed(queued, "anna")
    before = held()
    for item in queued.queue(limit=leasing.SPARE):
        queued.decide([Request(item.item_id, "accept")])
        _handed(queued, "anna")
    assert held() == before


def test_of_several_at_work_nobody_is_shown_what_another_decides(queued: Project) -> None:
    command = [sys.executable, "-c", _REVIEW, str(queued.root)]
    people = [
        subprocess.Popen([*command, f"reviewer-{number}"], cwd=_PROJECT, stdout=subprocess.PIPE)
        for number in range(3)
    ]
    shown = [one.communicate(timeout=240)[0] for one in people]
    assert [one.returncode for one in people] == [0, 0, 0]
    leasing.release(queued.store, [f"reviewer-{number}" for number in range(3)])
    logged = Counter(one.item_id for one in queued.history())
    assert set(logged.values()) == {1}
    assert len(logged) + len(queued.queue()) == _IMAGES
    assert all(shown)
