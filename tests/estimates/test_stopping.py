"""Whether another round is worth it, in plain words."""

from __future__ import annotations

import pytest

from cleaner.decisions import Round
from cleaner.estimates.agreement import Gain
from cleaner.estimates.errors_left import Left
from cleaner.estimates.stopping import Verdict, verdict


def _round(number: int, *, moved: int, excluded: int = 0, reviewed: int | None = None) -> Round:
    return Round(
        round_id=number,
        model_id="none",
        images=10_000,
        flagged=0,
        reviewed=moved + excluded if reviewed is None else reviewed,
        relabelled=moved,
        excluded=excluded,
        accuracy=0.9,
        seconds={},
        started_at="",
        closed_at=None,
    )


def _left(errors: float) -> Left:
    return Left(images=10_000, errors=errors, low=errors * 0.6, high=errors * 1.6)


def _verdict(*rounds: Round, left: Left | None = None, awaiting: int = 0) -> Verdict:
    found = verdict(rounds, left, None, awaiting=awaiting)
    assert found is not None
    return found


def test_it_says_all_there_is_to_know_in_one_sentence() -> None:
    found = verdict(
        [_round(1, moved=312, excluded=41), _round(2, moved=2)],
        Left(images=10_000, errors=180.0, low=110.0, high=290.0),
        Gain(images=400, value=0.023, low=0.015, high=0.031),
        awaiting=0,
    )
    assert found is not None
    assert found.words == (
        "2 moved, 0 excluded; errors left 1.8% (1.1 to 2.9); sealed accuracy +2.3 ± 0.8; "
        "another round is probably not worth it."
    )


def test_while_much_is_found_another_round_is_worth_it() -> None:
    assert _verdict(_round(1, moved=400), left=_left(200.0)).advice == "another"
    assert _verdict(_round(1, moved=400), _round(2, moved=100)).advice == "another"


def test_where_little_is_left_it_is_not() -> None:
    assert _verdict(_round(1, moved=400), left=_left(4.0)).advice == "stop"


def test_a_round_that_put_nothing_up_was_the_last() -> None:
    rounds = (_round(1, moved=400), _round(2, moved=0))
    assert _verdict(*rounds, left=_left(300.0)).advice == "stop"


def test_suspects_are_reviewed_first() -> None:
    found = _verdict(_round(1, moved=400), awaiting=12)
    assert found.advice == "review"
    assert "12 suspects" in found.words


@pytest.mark.parametrize("left", [None, _left(100.0)])
def test_a_round_that_has_just_begun_says_nothing_yet(left: Left | None) -> None:
    found = _verdict(_round(1, moved=400, excluded=3), _round(2, moved=0), left=left, awaiting=50)
    assert "400 moved, 3 excluded" in found.words


def test_before_any_decision_there_is_no_verdict() -> None:
    assert verdict([_round(1, moved=0)], None, None, awaiting=30) is None
