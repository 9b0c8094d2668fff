"""In which order the queue comes up, and where among it what was drawn at random."""

from __future__ import annotations

import pytest

from cleaner.decisions import ReviewItem
from cleaner.piles import HEAD, mix

_QUEUE, _DRAWN = range(1, 1001), range(2001, 2401)


def _image(item_id: int) -> ReviewItem:
    labels = ("cat", "cat", "dog")
    return ReviewItem(
        item_id, f"{item_id}.jpg", "train", 9, 9, *labels, 0.1, 0.8, 0.2, True, "unreviewed", 1, ()
    )


def _mixed(
    blind: set[int], *, queue: range = _QUEUE, drawn: range = _DRAWN, share: float = 0.2
) -> list[int]:
    of_queue, of_lots = ([_image(number) for number in numbers] for numbers in (queue, drawn))
    return [one.item_id for one in mix(of_queue, of_lots, blind, share=share, head=HEAD)]


def test_the_first_suspects_are_none_that_are_looked_at_blind() -> None:
    mixed = _mixed(blind={1, 2, 5, 9, 11, 12})
    assert mixed[:HEAD] == [3, 4, 6, 7, 8, 10, 13, 14]
    assert set(_QUEUE) < set(mixed)
    assert len(mixed) == len(set(mixed))


def test_what_was_put_off_comes_up_among_the_next() -> None:
    mixed = _mixed(blind={1, 2})
    assert max(mixed.index(1), mixed.index(2)) < HEAD + 3 * 5


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
def test_of_what_follows_so_many_are_drawn_ones(share: float) -> None:
    behind = _mixed(blind=set(), share=share)[HEAD:308]
    assert len([one for one in behind if one in _DRAWN]) == pytest.approx(300 * share, abs=2)


def test_no_place_is_kept_for_drawn_ones() -> None:
    behind = _mixed(blind=set())[HEAD:508]
    places = {place % 5 for place, one in enumerate(behind) if one in _DRAWN}
    assert places == {1, 2, 3, 4}


def test_drawn_ones_come_up_in_the_order_of_their_lots() -> None:
    mixed = [one for one in _mixed(blind=set()) if one in _DRAWN]
    assert mixed == list(_DRAWN)


def test_of_a_short_queue_nothing_is_left_out() -> None:
    assert sorted(_mixed(blind={1, 2, 3}, queue=range(1, 4), drawn=range(3, 6))) == [1, 2, 3, 4, 5]
    assert _mixed(blind=set(), queue=range(1, 4), drawn=range(0), share=0.0) == [1, 2, 3]
