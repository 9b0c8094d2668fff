"""Where images are decided about: what the deck and the grid have alike.

The browser owns the cursor, the pictures ahead, the undo stack and an outbox that survives a
reload; decisions go to `cleaner.ui.routes`, not through a run of the page, which would lose
fast keys. The page hears of it when typing stops.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from cleaner.selection import QUEUE, Selection
from cleaner.ui import browser, filters, session
from cleaner.ui.next_step import Step


@dataclass(frozen=True, slots=True)
class Surface:
    """A component of the page that shows images and takes keys.

    Attributes:
        name: of the component.
        scripts: its own, behind those that all components share; the last one exports it.
        styles: likewise.
    """

    name: str
    scripts: tuple[Path, ...]
    styles: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be decided about.

    Attributes:
        dataset_key: as in the addresses of `cleaner.ui.routes`.
        round_id: a new number makes the browser fetch the new queue.
        flagged: how many images this round put up for review.
        end: what the card says once the queue is empty; its button may be without words.
        selection: what of it is looked at.
        second: whether second opinions are asked for instead.
    """

    dataset_key: str
    round_id: int
    flagged: int
    end: Step
    selection: Selection = QUEUE
    second: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return what the browser is told of it."""
        return {
            "api": f"/api/p/{self.dataset_key}",
            "round": self.round_id,
            "flagged": self.flagged,
            "selection": self.selection.url_query(),
            "stays": not self.second and not self.selection.waits,
            "second": self.second,
            "cookie": filters.cookie_of(self.dataset_key),
            "end": {"title": self.end.title, "detail": self.end.detail, "button": self.end.button},
        }


def mount(surface: Surface, task: Task) -> bool:
    """Mount a surface for one dataset; return whether the button on its end card was pressed.

    The page runs again, and so reads its counters anew, once typing has stopped.
    """
    key = f"{'second-' if task.second else ''}{surface.name}-{task.dataset_key}"
    # Told by callbacks: a run in which a value was to be read may be cut short by the next event.
    _component(surface)(
        key=key,
        data=task.as_json(),
        on_settled_change=_nothing,
        on_pressed_change=partial(session.note_press, key),
        on_cleared_change=partial(filters.clear, task.dataset_key),
    )
    return session.pressed(key)


def _component(surface: Surface) -> Callable[..., Any]:
    # Registered in each run: a restarted runtime knows no components.
    return st.components.v2.component(
        f"cleaner_{surface.name}",
        css=browser.style(*surface.styles),
        js=browser.script(*surface.scripts),
    )


def _nothing() -> None:
    """Streamlit hands out trigger values only where a callback is given."""
