"""The review grid: a page of small pictures that one key settles.

It shares outbox and pictures with the deck, and like it owns in the browser what is on the
screen and what comes next; decisions go to `cleaner.ui.routes`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from cleaner.selection import QUEUE, Selection
from cleaner.ui import browser, filters
from cleaner.ui.next_step import Step

_HERE = Path(__file__).parent
_SCRIPTS = (
    "look.js",
    "lanes.js",
    "supply.js",
    "choices.js",
    "steps.js",
    "sheet.js",
    "gestures.js",
    "grid.js",
)


def grid(dataset_key: str, *, round_id: int, end: Step, selection: Selection = QUEUE) -> bool:
    """Mount the grid for one dataset; return whether the button on its end card was pressed.

    The page runs again, and so reads its counters anew, once typing has stopped.

    Args:
        dataset_key: as in the addresses of `cleaner.ui.routes`.
        round_id: a new number makes it fetch the new queue.
        end: what the card says once the queue is empty; its button may be without words.
        selection: what of it is looked at, in lanes of its own.
    """
    result = _component()(
        key=f"grid-{dataset_key}",
        data={
            "api": f"/api/p/{dataset_key}",
            "round": round_id,
            "selection": selection.url_query(),
            "cookie": filters.cookie_of(dataset_key),
            "end": {"title": end.title, "detail": end.detail, "button": end.button},
        },
        on_settled_change=_nothing,
        on_pressed_change=_nothing,
        on_cleared_change=partial(filters.clear, dataset_key),
    )
    return bool(result.pressed)


def _component() -> Callable[..., Any]:
    # Registered in each run: a restarted runtime knows no components.
    return st.components.v2.component(
        "cleaner_grid",
        css=browser.style(_HERE / "grid.css"),
        js=browser.script(*(_HERE / name for name in _SCRIPTS)),
    )


def _nothing() -> None:
    """Streamlit hands out trigger values only where a callback is given."""
