"""What of the images a person wants to look at, and how a URL says it."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleaner.errors import SelectionError
from cleaner.selection import DOWN, ORDERS, REASONS, STATUSES, Selection
from cleaner.signals import SIGNALS

_BYTES = st.binary(max_size=12).filter(lambda name: not set(name) & {0, ord("/")})
_CLASSES = st.none() | st.builds(os.fsdecode, _BYTES)
_WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
_SHARES = st.floats(0, 1)
_VALUES = st.fixed_dictionaries(
    {
        "current": _CLASSES,
        "suggested": _CLASSES,
        "reason": st.none() | st.sampled_from(sorted(REASONS)),
        "status": st.sampled_from(sorted(STATUSES)),
        "reviewer": st.none() | _WORDS,
        "text": _WORDS | st.builds(os.fsdecode, _BYTES),
        "order": st.sampled_from([way + order for order in ORDERS for way in ("", DOWN)]),
    }
)


@given(_VALUES, _SHARES, _SHARES)
def test_a_url_brings_a_selection_back(values: dict[str, Any], one: float, other: float) -> None:
    shares: dict[str, Any] = {"low": min(one, other), "high": max(one, other)}
    if values["status"] == "blind":
        values |= {"suggested": None, "reason": None, "order": "rank"}
        shares = {}
    selection = Selection(**values, **shares)
    query = selection.url_query()
    assert query.isascii()
    assert Selection.of_query(dict(parse_qsl(query, keep_blank_values=True))) == selection


def test_the_queue_as_it_stands_needs_no_parameters() -> None:
    assert Selection().as_query() == {}
    assert Selection.of_query({"dataset": "abc", "after": "7", "text": ""}) == Selection()


def test_who_asks_for_decisions_is_shown_what_was_decided() -> None:
    assert Selection.of_query({"reviewer": "ann"}).status == "any"
    assert Selection.of_query({"order": "-decided"}).status == "any"
    assert Selection.of_query({"reviewer": "ann", "status": "moved"}).status == "moved"


def test_a_name_is_the_same_name_as_it_is_and_in_writing() -> None:
    assert Selection(current="caf//e9") == Selection(current=os.fsdecode(b"caf\xe9"))
    assert Selection(reviewer="").reviewer is None


def test_there_is_an_order_for_every_signal() -> None:
    assert set(ORDERS) == {"rank", *SIGNALS, "file", "decided"}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"status": "open"}, "Known: awaiting, unreviewed"),
        ({"reason": "bad"}, "Known: rival, torn"),
        ({"order": "sideways"}, "Known: rank, self_confidence"),
        ({"low": "many"}, "give a number from 0 to 1"),
        ({"low": "nan"}, "give numbers from 0 to 1"),
        ({"low": "0.9", "high": "0.1"}, "the lower one as low"),
        ({"current": "a\0b"}, "NUL"),
    ],
)
def test_a_value_that_means_nothing_is_named_with_what_is_known(
    values: dict[str, str], words: str
) -> None:
    with pytest.raises(SelectionError, match=words) as refusal:
        Selection.of_query(values)
    assert "\n" not in str(refusal.value)


def test_a_selection_can_be_narrowed() -> None:
    assert replace(Selection(current="cat"), suggested="dog").url_query() == (
        "current=cat&suggested=dog"
    )
