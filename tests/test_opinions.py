"""Second opinions: who is asked, what they may see, and what follows."""

from __future__ import annotations

import uuid

import numpy as np
import pytest

from cleaner import classes, opinions
from cleaner.decisions import Wish
from cleaner.errors import SettingsError
from cleaner.leasing import Demand
from cleaner.project import Project
from cleaner.recording import Recorded, Request
from cleaner.selection import Selection
from cleaner.store import decisions
from cleaner.store import opinions as log

pytestmark = pytest.mark.every_store


@pytest.fixture
def reviewed(ranked: Project) -> Project:
    """Ann moved image 1, cat to dog; kept 2; excluded 3. Ben kept 5, somebody nameless 6."""
    by_ann = [Request(1, "move", "dog"), Request(2, "accept"), Request(3, "exclude")]
    ranked.decide(by_ann, reviewer="ann")
    ranked.decide([Request(5, "accept")], reviewer="ben")
    ranked.decide([Request(6, "move", "owl")])
    return ranked


def _ask(project: Project, most: int = 100, which: str = "decided") -> int:
    return opinions.ask(project.store, np.random.default_rng(0), most=most, which=which)


def _asked(project: Project, reviewer: str) -> list[int]:
    handed = opinions.hand_out(project.store, f"page-of-{reviewer}", reviewer, limit=50)
    return [item.item_id for item in handed.items]


def _about(project: Project, item_id: int) -> str:
    with project.store.read() as connection:
        return decisions.latest_of(connection, [item_id])[item_id]


def _say(
    project: Project,
    item_id: int,
    action: Wish,
    label: str | None = None,
    *,
    by: str = "ben",
    op_id: str | None = None,
) -> Recorded:
    about = _about(project, item_id)
    request = Request(item_id, action, label, op_id or str(uuid.uuid4()), about=about)
    return project.decide([request], reviewer=by)


def _disputed(project: Project) -> list[int]:
    return [item.item_id for item in project.selected(Selection(status="disputed")).items]


# -- asking ------------------------------------------------------------------------------


def test_somebody_is_asked_about_what_another_person_with_a_name_decided(reviewed: Project) -> None:
    assert _ask(reviewed) == 4
    assert sorted(_asked(reviewed, "ben")) == [1, 2, 3]
    assert sorted(_asked(reviewed, "ann")) == [5]
    assert _asked(reviewed, "") == []


def test_a_share_is_drawn_at_random_and_nobody_is_asked_twice(reviewed: Project) -> None:
    assert [_ask(reviewed, 3), _ask(reviewed, 3), _ask(reviewed, 3)] == [3, 1, 0]


def test_only_what_was_changed_is_asked_about_if_that_is_wanted(reviewed: Project) -> None:
    assert _ask(reviewed, which="changed") == 2
    assert sorted(_asked(reviewed, "ben")) == [1, 3]
    with pytest.raises(SettingsError, match="Known: decided, changed"):
        _ask(reviewed, which="everything")


def test_what_is_withdrawn_waits_no_more(reviewed: Project) -> None:
    _ask(reviewed)
    assert opinions.withdraw(reviewed.store) == 4
    assert _asked(reviewed, "cy") == []
    assert _ask(reviewed) == 4


def test_two_who_are_asked_get_different_images(reviewed: Project) -> None:
    _ask(reviewed)
    assert len(_asked(reviewed, "cy")) == 4
    assert _asked(reviewed, "dan") == []


def test_a_question_lapses_with_the_decision_it_is_about(reviewed: Project) -> None:
    _ask(reviewed)
    reviewed.decide([Request(1, "accept")], reviewer="cy")
    reviewed.decide([Request(2, "undo", undoes=_about(reviewed, 2))], reviewer="ann")
    assert _asked(reviewed, "ben") == [3]
    assert _ask(reviewed) == 1  # about what Cy decided


def test_nothing_of_decision_and_model_is_shown(reviewed: Project) -> None:
    reviewed.apply()
    _ask(reviewed)
    handed = opinions.hand_out(reviewed.store, "page-of-ben", "ben", limit=50)
    (moved,) = [item for item in handed.items if item.item_id == 1]
    assert (moved.path, moved.given_label, moved.current_label) == ("0.png", "cat", "cat")
    assert (moved.suggested_label, moved.status, moved.reasons) == ("cat", "unreviewed", ())


# -- hearing -----------------------------------------------------------------------------


def test_an_opinion_changes_no_image_and_is_no_decision(reviewed: Project) -> None:
    before = reviewed.dataset().items
    _ask(reviewed)
    assert _say(reviewed, 1, "accept").rejected == ()
    assert reviewed.dataset().items == before
    assert len(reviewed.history()) == 5
    assert sorted(_asked(reviewed, "ben")) == [2, 3]


def test_an_opinion_that_arrives_twice_counts_once(reviewed: Project) -> None:
    for _time in range(2):
        assert _say(reviewed, 1, "accept", op_id="the-same").recorded == ("the-same",)
    assert opinions.figures(reviewed.store).overall.images == 1


@pytest.mark.parametrize(
    ("by", "reason"),
    [("", "needs a name"), ("ann", "decided about this image yourself")],
)
def test_only_another_person_gives_a_second_opinion(
    reviewed: Project, by: str, reason: str
) -> None:
    (refused,) = _say(reviewed, 1, "accept", by=by).rejected
    assert reason in refused.reason
    assert refused.stands is None


def test_a_third_person_is_told_that_somebody_was_quicker(reviewed: Project) -> None:
    _say(reviewed, 1, "accept")
    (refused,) = _say(reviewed, 1, "exclude", by="cy").rejected
    assert refused.reason == "ben has given a second opinion meanwhile."


def test_an_opinion_on_what_was_decided_anew_is_refused(reviewed: Project) -> None:
    about = _about(reviewed, 1)
    reviewed.decide([Request(1, "accept")], reviewer="cy")
    for made_up in (about, "no-such-decision"):
        (refused,) = reviewed.decide([Request(1, "accept", about=made_up)], reviewer="ben").rejected
        assert "decision" in refused.reason or "decided anew" in refused.reason


def test_who_skips_leaves_the_image_to_somebody_else(reviewed: Project) -> None:
    _ask(reviewed)
    _say(reviewed, 1, "skip")
    assert 1 not in _asked(reviewed, "ben")
    assert 1 in _asked(reviewed, "cy")
    assert opinions.figures(reviewed.store).overall.images == 0


def test_an_opinion_is_taken_back_once_by_who_gave_it(reviewed: Project) -> None:
    _ask(reviewed)
    _say(reviewed, 1, "accept", op_id="ben's")
    undo = Request(1, "undo", undoes="ben's", about=_about(reviewed, 1))
    (refused,) = reviewed.decide([undo], reviewer="cy").rejected
    assert "no such opinion of yours" in refused.reason
    assert reviewed.decide([undo], reviewer="ben").rejected == ()
    again = Request(1, "undo", undoes="ben's", about=_about(reviewed, 1))
    assert "taken back before" in reviewed.decide([again], reviewer="ben").rejected[0].reason
    assert 1 in _asked(reviewed, "ben")
    assert (_disputed(reviewed), opinions.figures(reviewed.store).overall.images) == ([], 0)
    with reviewed.store.read() as connection:
        assert log.standing(connection, "ben", limit=9) == []


# -- what follows ------------------------------------------------------------------------


def test_where_both_differ_the_image_comes_up_to_be_settled(reviewed: Project) -> None:
    _ask(reviewed)
    _asked(reviewed, "ben")  # whose page still holds them
    _say(reviewed, 1, "accept")  # Ann moved it to dog, Ben would have kept it as cat
    _say(reviewed, 2, "accept")
    _say(reviewed, 3, "move", "owl")
    _say(reviewed, 5, "exclude", by="ann")
    assert sorted(_disputed(reviewed)) == [1, 3, 5]
    assert opinions.to_settle(reviewed.store) == 3
    handed = reviewed.hand_out("a-page", Demand(10), Selection(status="disputed"))
    assert sorted(item.item_id for item in handed.items) == [1, 3, 5]


def test_a_decision_settles_it_and_its_undo_brings_it_back(reviewed: Project) -> None:
    _say(reviewed, 1, "accept")
    settled = Request(1, "accept")
    reviewed.decide([settled], reviewer="cy")
    assert _disputed(reviewed) == []
    assert opinions.figures(reviewed.store).overall.agreed == 0  # what both said stays
    reviewed.decide([Request(1, "undo", undoes=settled.op_id)])
    assert _disputed(reviewed) == [1]


def test_figures_compare_what_both_have_said(reviewed: Project) -> None:
    _ask(reviewed)
    _say(reviewed, 1, "accept")
    _say(reviewed, 2, "accept")
    _say(reviewed, 3, "exclude")
    _say(reviewed, 5, "accept", by="ann")
    found = opinions.figures(reviewed.store)
    assert (found.waiting, found.to_settle) == (0, 1)
    assert (found.overall.images, found.overall.agreed) == (4, 3)
    assert [(one.reviewers, one.images) for one in found.pairs] == [(("ann", "ben"), 4)]


def test_figures_leave_out_what_was_decided_and_taken_back(reviewed: Project) -> None:
    _say(reviewed, 1, "accept")
    reviewed.decide([Request(1, "undo", undoes=_about(reviewed, 1))], reviewer="ann")
    assert opinions.figures(reviewed.store).overall.images == 0
    assert _disputed(reviewed) == []


def test_two_names_of_one_class_are_no_difference(reviewed: Project) -> None:
    _say(reviewed, 1, "move", "dog")
    classes.rename(reviewed, "dog", "wolf")
    _say(reviewed, 6, "move", "wolf")  # refused: nobody with a name decided
    assert opinions.figures(reviewed.store).overall.agreed == 1
    reviewed.decide([Request(4, "move", "wolf")], reviewer="ann")
    _say(reviewed, 4, "move", "dog")  # by who does not know of the new name yet
    assert opinions.figures(reviewed.store).overall.agreed == 2
    assert _disputed(reviewed) == []
