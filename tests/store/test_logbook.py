from __future__ import annotations

import csv
from dataclasses import replace

import pytest

from cleaner.decisions import Action
from cleaner.items import Item
from cleaner.logbook import COLUMNS, Wanted, sheet
from cleaner.project import Project
from cleaner.recording import Request
from tests.ranking import open_round

pytestmark = pytest.mark.every_store


def _item(project: Project, path: str) -> Item:
    (found,) = [item for item in project.dataset().items if item.path == path]
    return found


def _decide(
    project: Project,
    path: str,
    action: Action,
    label: str | None = None,
    op_id: str = "",
    reviewer: str = "",
) -> str:
    request = Request(_item(project, path).item_id, action, label)
    request = replace(request, op_id=op_id) if op_id else request
    assert project.decide([request], reviewer=reviewer).recorded
    return request.op_id


@pytest.fixture
def decided(ranked: Project) -> Project:
    """Three decisions, of two people: a move, an exclusion, and the move made good."""
    _decide(ranked, "cat/0.png", "move", "dog", "operation-1", "Ann")
    _decide(ranked, "dog/1.png", "exclude", None, "operation-2", "Bob")
    _decide(ranked, "cat/0.png", "accept", None, "operation-3", "Ann")
    return ranked


def _ids(project: Project, wanted: Wanted) -> list[str]:
    found = [entry.decision.op_id for entry in project.log(wanted)]
    assert len(found) == project.log_length(wanted)
    return [op_id.removeprefix("operation-") for op_id in found]


def test_the_log_is_read_in_pages_the_latest_first(decided: Project) -> None:
    first = decided.log(Wanted(), limit=2)
    rest = decided.log(Wanted(), before=first[-1].sequence)
    assert [entry.decision.op_id for entry in (*first, *rest)] == [
        "operation-3",
        "operation-2",
        "operation-1",
    ]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(), "321"),
        (Wanted(reviewer="Ann"), "31"),
        (Wanted(reviewer=""), ""),
        (Wanted(action="exclude"), "2"),
        (Wanted(label="cat"), "1"),
        (Wanted(label="dog"), "321"),
        (Wanted(file="CAT/"), "31"),
        (Wanted(file="0_png"), ""),
        (Wanted(file="%"), ""),
        (Wanted(round_id=1, action="accept"), "3"),
        (Wanted(round_id=2), ""),
        (Wanted(since="2999-01-01"), ""),
        (Wanted(until="2000-01-01"), ""),
        (Wanted(since="2000-01-01", until="2999-01-01"), "321"),
    ],
)
def test_the_log_is_filtered(decided: Project, wanted: Wanted, found: str) -> None:
    assert _ids(decided, wanted) == list(found)


def test_an_entry_tells_why_the_queue_showed_the_image_then(decided: Project) -> None:
    assert [entry.decision.reason for entry in decided.log(Wanted(file="cat/"))] == [
        "Looks different",
        "Looks different",
    ]
    _decide(decided, "owl/0.png", "accept")
    assert decided.log(Wanted(), limit=1)[0].decision.reason is None


def test_an_entry_tells_what_was_built_on_it_and_what_was_taken_back(decided: Project) -> None:
    later, _other, first = decided.log(Wanted())
    assert (first.later, first.can_be_undone) == (1, False)
    assert (later.later, later.can_be_undone) == (0, True)
    decided.undo_decisions(["operation-3"])
    undo, later, _other, first = decided.log(Wanted())
    assert (undo.can_be_undone, later.is_undone, later.can_be_undone) == (False, True, False)
    assert (first.later, first.can_be_undone) == (0, True)


def test_reviewers_are_listed_once(decided: Project) -> None:
    assert decided.reviewers() == ["Ann", "Bob"]


def test_what_an_undo_takes_back_is_told_in_numbers(decided: Project) -> None:
    decided.apply()
    open_round(decided, flagged={"owl/0.png": "dog"})
    _decide(decided, "dog/0~2.png", "move", "owl")
    first, everything = decided.standing(1), decided.standing()
    assert (first.decisions, first.actions) == (3, {"move": 1, "exclude": 1, "accept": 1})
    assert (first.files, first.built_on) == (2, 1)
    assert (everything.decisions, everything.files, everything.built_on) == (4, 2, 0)
    assert decided.standing(7).decisions == 0


def test_a_sheet_runs_nothing_in_a_spreadsheet(ranked: Project) -> None:
    _decide(ranked, "cat/0.png", "accept", reviewer="=HYPERLINK(1)")
    heads, row = csv.reader("".join(sheet(ranked.log(Wanted()))).splitlines())
    assert heads == list(COLUMNS)
    values = dict(zip(heads, row, strict=True))
    assert values["reviewer"] == "'=HYPERLINK(1)"
    assert (values["path"], values["action"], values["is_undone"]) == ("cat/0.png", "accept", "no")
