"""The filter: what of the queue is looked at; the address and the browser remember it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, unquote

import streamlit as st

from cleaner.errors import SelectionError
from cleaner.items import shown_path
from cleaner.project import Project
from cleaner.selection import DOWN, ORDERS, QUEUE, REASONS, STATUSES, Selection

_NAMES = [field.name for field in fields(Selection)]


def draw(project: Project, key: str) -> Selection:
    """Draw the button with the form; return what is chosen for the dataset with this key."""
    selection = _chosen(key)
    with st.popover("Filter", width="content"):
        _form(project, key, selection)
    return selection


def tell(key: str, selection: Selection) -> None:
    """Draw what is on, if anything is: it takes a row of the page only then."""
    if selection == QUEUE:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="filters"):
        for name, words in chips(selection).items():
            with st.container(key=f"filter-chip-{name}", width="content"):
                st.text(words)
        st.button("Clear all", key="filter-clear", on_click=clear, args=(key,), type="tertiary")


def clear(key: str) -> None:
    """Look at the queue as it stands again."""
    choose(key, QUEUE)


def choose(key: str, selection: Selection) -> None:
    """Look at this from now on."""
    _keep(key, selection)


def cookie_of(key: str) -> str:
    """Return the name under which a browser remembers what was chosen for a dataset."""
    return f"cleaner_filter_{key}"


def chips(selection: Selection) -> dict[str, str]:
    """Return what is on, in words; names as people may see them."""
    words = {
        "current": f"Labelled {_shown(selection.current)}",
        "suggested": f"Suggested {_shown(selection.suggested)}",
        "reason": _capitalized(REASONS.get(selection.reason or "", "")),
        "low": f"Suggestion {selection.low:.0%} to {selection.high:.0%} sure",
        "status": _capitalized(STATUSES[selection.status]),
        "reviewer": f"By {selection.reviewer}",
        "text": f"File has {_shown(selection.text)}",
        "picked": "Picked on the map",
        "order": f"In order of {ORDERS[selection.key]}{', backwards' if selection.falls else ''}",
    }
    on = {name for name in _NAMES if getattr(selection, name) != getattr(QUEUE, name)}
    if "high" in on:
        on.add("low")
    return {name: told for name, told in words.items() if name in on}


def _shown(name: str | None) -> str:
    return shown_path(name or "")


# -- where it is remembered --------------------------------------------------------------


def _chosen(key: str) -> Selection:
    """Return what the address says; else what was chosen before in this tab or this browser."""
    given = {name: st.query_params[name] for name in _NAMES if name in st.query_params}
    if not given:
        given = st.session_state.get(_kept(key), None)
        given = _remembered(key) if given is None else given
    try:
        selection = Selection.of_query(given)
    except SelectionError as error:
        st.error("This address asks for something that is not there.")
        st.text(str(error))
        selection = QUEUE
    _keep(key, selection)
    return selection


def _remembered(key: str) -> dict[str, str]:
    return dict(parse_qsl(unquote(st.context.cookies.get(cookie_of(key), ""))))


def _keep(key: str, selection: Selection) -> None:
    query = selection.as_query()
    st.session_state[_kept(key)] = query
    for name in _NAMES:
        if name not in query:
            st.query_params.pop(name, None)
        elif st.query_params.get(name) != query[name]:
            st.query_params[name] = query[name]


def _kept(key: str) -> str:
    return f"filter-{key}"


# -- the form ----------------------------------------------------------------------------


def _form(project: Project, key: str, selection: Selection) -> None:
    classes = project.class_names()
    take = partial(_take, key, selection)
    reviewers = [name for name in project.reviewers() if name]
    left, right = st.columns(2)
    with left:
        _choice("current", "Label", selection, classes, take)
        _choice("reason", "Reason", selection, tuple(REASONS), take)
        _choice("status", "Status", selection, tuple(STATUSES), take)
        _choice("order", "Order", replace(selection, order=selection.key), tuple(ORDERS), take)
        _set("falls", selection.falls)
        st.checkbox("The other way round", key=_widget("falls"), on_change=take)
    with right:
        _choice("suggested", "Suggested label", selection, classes, take)
        _choice("reviewer", "Decided by", selection, reviewers, take)
        _set("text", selection.text)
        st.text_input("File has", key=_widget("text"), on_change=take, placeholder="Part of a path")
        _set("sure", _percents(selection))
        st.slider(
            "How sure the suggestion is", 0, 100, format="%d%%", key=_widget("sure"), on_change=take
        )


_WORDS = {"reason": REASONS, "status": STATUSES, "order": ORDERS}


def _choice(
    name: str, label: str, selection: Selection, known: Sequence[str], take: Callable[[], None]
) -> None:
    value = getattr(selection, name)
    # An address may name a class that is gone, or somebody who decided nothing here.
    options = [*known] if value is None or value in known else [value, *known]
    words = _WORDS.get(name, {})

    def shown(option: str) -> str:
        told = words.get(option)
        return shown_path(option) if told is None else _capitalized(told)

    _set(name, value)
    # One that always has a value cannot be emptied.
    index = 0 if getattr(QUEUE, name) else None
    st.selectbox(
        label,
        options,
        index=index,
        placeholder="Any",
        format_func=shown,
        key=_widget(name),
        on_change=take,
    )


def _take(key: str, before: Selection) -> None:
    """Take what the form holds, once something in it was changed."""
    held = {name: _get(name) for name in ("current", "suggested", "reason", "reviewer", "status")}
    low, high = _get("sure")
    if (low, high) == _percents(before):
        low, high = before.low, before.high
    else:
        low, high = low / 100, high / 100
    order = (DOWN if _get("falls") else "") + _get("order")
    held |= {"text": _get("text").strip(), "picked": before.picked}
    chosen = Selection(low=low, high=high, order=order, **held)
    if chosen.needs_decisions and chosen.status == "awaiting":
        chosen = replace(chosen, status="any")
    _keep(key, chosen)


def _percents(selection: Selection) -> tuple[int, int]:
    return round(100 * selection.low), round(100 * selection.high)


def _capitalized(words: str) -> str:
    return words[:1].upper() + words[1:]


def _widget(name: str) -> str:
    return f"filter-by-{name}"


def _get(name: str) -> Any:
    return st.session_state[_widget(name)]


def _set(name: str, value: object) -> None:
    st.session_state[_widget(name)] = value
