"""The review deck: one component that shows suspects and takes a key for each.

The browser owns the cursor, the pictures ahead, the undo stack and an outbox that survives a
reload; decisions go to `cleaner.ui.routes`, not through a run of the page, which would lose
fast keys. The page hears of it when typing stops.
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
_SCRIPTS = ("notice.js", "numbers.js", "loupe.js", "screen.js", "evidence.js", "deck.js")


def deck(
    dataset_key: str, *, round_id: int, flagged: int, end: Step, selection: Selection = QUEUE
) -> bool:
    """Mount the deck for one dataset; return whether the button on its end card was pressed.

    The page runs again, and so reads its counters anew, once typing has stopped.

    Args:
        dataset_key: as in the addresses of `cleaner.ui.routes`.
        round_id: a new number makes it fetch the new queue.
        flagged: how many images this round put up for review.
        end: what the card says once the queue is empty; its button may be without words.
        selection: what of it is looked at.
    """
    result = _component()(
        key=f"deck-{dataset_key}",
        data={
            "api": f"/api/p/{dataset_key}",
            "round": round_id,
            "flagged": flagged,
            "selection": selection.url_query(),
            "stays": selection.status != "awaiting",
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
        "cleaner_deck",
        css=browser.style(_HERE / "deck.css", _HERE / "evidence.css"),
        js=browser.script(*(_HERE / name for name in _SCRIPTS)),
    )


def _nothing() -> None:
    """Streamlit hands out trigger values only where a callback is given."""
