"""Several people at once: whose name the log holds, and what happens when two decide one image."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cleaner.decisions import FOLDER_REVIEWER, told
from cleaner.project import Project
from cleaner.recording import Request

pytestmark = pytest.mark.every_store

_PROJECT = Path(__file__).resolve().parent.parent

# Decides each image as somebody who saw none of the others' decisions; says how many it got.
_DECIDE = """
import sys
from pathlib import Path
from cleaner.project import Project
from cleaner.recording import Request

project, name = Project(Path(sys.argv[1])), sys.argv[2]
got = 0
for item in project.dataset().items:
    request = Request(item.item_id, "accept", seen="", reviewer=name)
    got += len(project.decide([request]).recorded)
print(got)
"""


def test_each_decision_is_logged_under_the_name_that_came_with_it(ranked: Project) -> None:
    ranked.decide([Request(1, "accept", reviewer="Anna"), Request(2, "skip", reviewer="Ben")])
    assert [one.reviewer for one in ranked.history()] == ["Ben", "Anna"]


def test_the_name_of_a_login_goes_before_what_a_browser_says(ranked: Project) -> None:
    ranked.decide([Request(1, "accept", reviewer="Anna")], reviewer="ben@example.org")
    assert ranked.history()[0].reviewer == "ben@example.org"


def test_nobody_decides_in_the_name_of_the_folder(ranked: Project) -> None:
    ranked.decide([Request(1, "accept", reviewer=FOLDER_REVIEWER)])
    assert ranked.undo().decisions[0].reviewer == "moved in the folder"


def test_a_decision_about_what_somebody_else_decided_meanwhile_is_refused(ranked: Project) -> None:
    ranked.decide([Request(1, "move", "dog", seen="", reviewer="Anna")])
    (refused,) = ranked.decide([Request(1, "exclude", seen="", reviewer="Ben")]).rejected
    assert refused.reason.startswith("Anna moved it to dog, ")
    assert refused.stands is not None
    assert refused.reason == told(refused.stands)
    assert ranked.history() == [refused.stands]


def test_whoever_has_seen_the_decision_may_replace_it(ranked: Project) -> None:
    first = Request(1, "move", "dog", seen="")
    again = Request(1, "exclude", seen=first.op_id)
    assert ranked.decide([first, again]).rejected == ()
    assert [one.action for one in ranked.history()] == ["exclude", "move"]


def test_a_decision_that_was_taken_back_overtakes_nobody(ranked: Project) -> None:
    first = Request(1, "exclude", seen="", reviewer="Anna")
    ranked.decide([first, Request(1, "undo", undoes=first.op_id, reviewer="Anna")])
    assert ranked.decide([Request(1, "accept", seen="", reviewer="Ben")]).rejected == ()


def test_a_request_that_arrives_twice_is_recorded_and_not_overtaken_by_itself(
    ranked: Project,
) -> None:
    request = Request(1, "accept", seen="")
    for _time in range(2):
        assert ranked.decide([request]).recorded == (request.op_id,)
    assert len(ranked.history()) == 1


def test_without_saying_what_was_seen_the_latest_decision_counts(ranked: Project) -> None:
    assert ranked.decide([Request(1, "accept"), Request(1, "exclude")]).rejected == ()


def test_of_several_who_decide_at_once_each_image_goes_to_one(ranked: Project) -> None:
    command = [sys.executable, "-c", _DECIDE, str(ranked.root)]
    people = [
        subprocess.Popen([*command, f"reviewer {number}"], cwd=_PROJECT, stdout=subprocess.PIPE)
        for number in range(4)
    ]
    got = [int(one.communicate(timeout=240)[0]) for one in people]
    assert sum(got) == 12
    assert sorted(one.item_id for one in ranked.history()) == list(range(1, 13))
