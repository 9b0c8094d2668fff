"""Figures of agreement, held to examples that can be counted by hand."""

from __future__ import annotations

import pytest

from cleaner.raters import UNDEFINED, Twice, by_pair, overall


def _judged(*said: tuple[str | None, str | None]) -> list[Twice]:
    return [Twice("ann", first, "ben", second) for first, second in said]


def test_the_share_and_kappa_of_an_example_counted_by_hand() -> None:
    found = overall(_judged(("a", "a"), ("a", "a"), ("b", "b"), ("a", "b")))
    assert (found.images, found.agreed, found.share) == (4, 3, 0.75)
    # By chance: 3/4 * 2/4 + 1/4 * 2/4 = 1/2, so (3/4 - 1/2) / (1 - 1/2).
    assert found.kappa == pytest.approx(0.5)
    assert found.kappa_in_words == "0.50"


def test_an_exclusion_is_a_finding_of_its_own() -> None:
    found = overall(_judged((None, None), ("a", None), ("a", "a"), (None, "a")))
    assert found.agreed == 2
    assert found.kappa == pytest.approx(0.0)


def test_kappa_is_undefined_where_only_one_thing_was_ever_said() -> None:
    found = overall(_judged(("a", "a"), ("a", "a")))
    assert (found.share, found.kappa, found.kappa_in_words) == (1.0, None, UNDEFINED)


def test_two_who_never_say_the_same_agree_by_chance_alone() -> None:
    assert overall(_judged(("a", "b"), ("a", "b"))).kappa == pytest.approx(0.0)


def test_without_an_image_there_is_no_figure() -> None:
    found = overall([])
    assert (found.share, found.kappa, found.kappa_in_words) == (None, None, "none yet")


def test_two_people_are_one_pair_whoever_came_first() -> None:
    judged = [
        Twice("ben", "a", "ann", "b"),
        Twice("ann", "b", "ben", "b"),
        Twice("ann", "a", "cy", "a"),
    ]
    pairs = by_pair(judged)
    assert [(one.reviewers, one.images, one.agreed) for one in pairs] == [
        (("ann", "ben"), 2, 1),
        (("ann", "cy"), 1, 1),
    ]
    # Ann says b and b, Ben says a and b.
    assert pairs[0].kappa == pytest.approx(0.0)
