from __future__ import annotations

from cleaner import health
from cleaner.health import EXCLUDED, Concern
from cleaner.items import Status

FLOW: dict[tuple[str, str, Status], int] = {
    ("cat", "cat", "unreviewed"): 200,
    ("cat", "dog", "moved"): 3,
    ("cat", "cat", "excluded"): 2,
    ("dog", "dog", "accepted"): 10,
    ("dog", "cat", "moved"): 1,
}


def test_classes_are_counted_as_they_came_and_as_they_are() -> None:
    assert health.before_and_now(FLOW, ("cat", "dog", "owl")) == {
        "cat": (205, 201),
        "dog": (11, 13),
        "owl": (0, 0),
    }


def test_what_was_kept_is_no_change() -> None:
    assert health.became(FLOW) == {("cat", "dog"): 3, ("cat", EXCLUDED): 2, ("dog", "cat"): 1}


def test_a_class_that_came_back_to_its_label_is_no_change() -> None:
    assert health.became({("cat", "cat", "moved"): 1}) == {}


def test_small_and_uneven_classes_are_told_with_their_names() -> None:
    found = health.concerns({"cat": 2000, "dog": 100, "owl": 99}, {})
    assert [(one.what, one.count) for one in found] == [("uneven classes", 2), ("small classes", 1)]
    assert found[0].detail == "cat has 20 times the images of owl (2,000 and 99)."
    assert found[1].detail == "Fewer than 100 images: owl (99)."


def test_a_folder_for_what_belongs_to_no_class_is_no_small_class() -> None:
    assert health.concerns({"cat": 2000, "dog": 2000, "Background": 3, "unknown": 0}, {}) == []


def test_many_small_classes_are_counted_and_some_named() -> None:
    (small,) = health.concerns({f"c{number}": number + 50 for number in range(5)}, {})
    assert small.detail == "Fewer than 100 images: c0 (50), c1 (51), c2 (52) and 2 more."


def test_the_most_severe_comes_first() -> None:
    kinds = {("near_duplicate", "info"): 90, ("unreadable", "error"): 1, ("new_kind", "odd"): 2}
    found = health.concerns({"cat": 1000, "dog": 1000}, kinds)
    assert [(one.severity, one.what) for one in found] == [
        ("error", "unreadable"),
        ("info", "near duplicate"),
        ("info", "new kind"),
    ]
    assert found[2] == Concern("info", "new kind", 2, "See the findings below.")


def test_an_empty_class_does_not_make_the_others_uneven() -> None:
    assert [one.what for one in health.concerns({"cat": 500, "dog": 0}, {})] == ["small classes"]
