from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleaner.errors import SettingsError, ShapeError
from cleaner.items import Split
from cleaner.splits import assign


@dataclass(frozen=True)
class Rows:
    """Items as columns; copies share a content, and a content has one group."""

    contents: list[str]
    groups: list[int]
    labels: list[str]

    def assigned(self, existing: dict[str, Split] | None = None) -> list[Split]:
        return assign(
            self.contents,
            np.array(self.groups, dtype=np.int64),
            self.labels,
            existing=existing or {},
        )

    def first(self, count: int) -> Rows:
        return Rows(self.contents[:count], self.groups[:count], self.labels[:count])

    def by_content(self, splits: list[Split]) -> dict[str, Split]:
        return dict(zip(self.contents, splits, strict=True))


def content(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def distinct(count: int, classes: int = 1) -> Rows:
    return Rows(
        [content(n) for n in range(count)],
        list(range(count)),
        [f"class {n % classes}" for n in range(count)],
    )


@st.composite
def rows(draw: st.DrawFn) -> Rows:
    numbers = draw(st.lists(st.integers(0, 60), min_size=1, max_size=80))
    group_size = draw(st.integers(1, 5))
    labels = [draw(st.sampled_from("abc")) for _ in numbers]
    return Rows([content(n) for n in numbers], [n // group_size for n in numbers], labels)


many = settings(max_examples=80, deadline=None)


@given(rows())
@many
def test_a_group_is_never_divided(items: Rows) -> None:
    splits = items.assigned()

    assert len(set(zip(items.groups, splits, strict=True))) == len(set(items.groups))


@given(rows(), st.data())
@many
def test_moves_renames_and_copies_change_no_split(items: Rows, data: st.DataObject) -> None:
    before = items.by_content(items.assigned())
    order = data.draw(st.permutations(range(len(items.contents))))
    again = [*order, *data.draw(st.lists(st.sampled_from(order), max_size=20))]
    moved = Rows(
        [items.contents[i] for i in again],
        [items.groups[i] + 1000 for i in again],
        [data.draw(st.sampled_from("abcd")) for _ in again],
    )

    after = moved.assigned(before)

    assert after == [before[name] for name in moved.contents]


@given(rows(), st.integers(0, 80))
@many
def test_arrivals_leave_earlier_items_where_they_are(items: Rows, count: int) -> None:
    earlier = items.first(count)
    before = earlier.by_content(earlier.assigned())

    after = items.assigned(before)

    assert items.first(count).by_content(after[:count]) == before
    assert len(set(zip(items.groups, after, strict=True))) == len(set(items.groups))


@given(rows(), st.randoms())
@many
def test_the_order_of_items_does_not_matter(items: Rows, random: object) -> None:
    order = np.random.default_rng(0).permutation(len(items.contents)).tolist()
    shuffled = Rows(*([column[i] for i in order] for column in vars(items).values()))

    assert shuffled.assigned() == [items.assigned()[i] for i in order]


def test_every_class_gets_its_shares() -> None:
    items = distinct(300, classes=3)

    counts = Counter(zip(items.labels, items.assigned(), strict=True))

    for name in set(items.labels):
        assert [counts[name, s] for s in ("train", "validation", "test")] == [80, 10, 10]


def test_shares_hold_while_images_arrive_one_by_one() -> None:
    items = distinct(200, classes=2)
    known: dict[str, Split] = {}

    for count in range(1, 201):
        arrived = items.first(count)
        known = arrived.by_content(arrived.assigned(known))

    assert Counter(known.values()) == {"train": 160, "validation": 20, "test": 20}


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_tiny_class_alone_is_trained_on(count: int) -> None:
    assert set(distinct(count).assigned()) == {"train"}


def test_many_tiny_classes_still_give_a_test_set() -> None:
    items = distinct(300, classes=100)

    splits = items.assigned()

    assert Counter(splits) == {"train": 240, "validation": 30, "test": 30}
    trained = {label for label, split in zip(items.labels, splits, strict=True) if split == "train"}
    assert len(trained) == 100


def test_a_new_duplicate_joins_its_groups_split() -> None:
    before: dict[str, Split] = {content(0): "test"}

    assert assign([content(0), content(1)], np.array([7, 7]), ["a", "b"], existing=before) == [
        "test",
        "test",
    ]


def test_a_link_between_two_splits_moves_neither() -> None:
    before: dict[str, Split] = {content(0): "test", content(1): "train"}
    three = [content(n) for n in range(3)]

    assert assign(three, np.zeros(3, dtype=np.int64), ["a"] * 3, existing=before) == [
        "test",
        "train",
        "train",
    ]


def test_a_large_group_does_not_swallow_the_test_set() -> None:
    groups = np.array([0] * 50 + list(range(50, 100)))

    counts = Counter(assign([content(n) for n in range(100)], groups, ["a"] * 100))

    assert counts == {"train": 80, "validation": 10, "test": 10}


def test_without_shares_all_is_trained_on() -> None:
    items = distinct(30)

    splits = assign(items.contents, np.array(items.groups), items.labels, validation=0.0, test=0.0)

    assert set(splits) == {"train"}


def test_no_items_have_no_splits() -> None:
    assert distinct(0).assigned() == []


@pytest.mark.parametrize(("validation", "test"), [(0.5, 0.5), (-0.1, 0.1), (0.1, 2.0)])
def test_shares_that_leave_nothing_are_refused(validation: float, test: float) -> None:
    with pytest.raises(SettingsError, match="leave some to train on"):
        assign([], np.zeros(0, dtype=np.int64), [], validation=validation, test=test)


def test_sequences_of_unequal_length_are_refused() -> None:
    with pytest.raises(ShapeError, match="1 hashes, 2 groups and 1 labels"):
        assign([content(0)], np.zeros(2, dtype=np.int64), ["a"])
