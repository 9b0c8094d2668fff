"""Named points between the steps of a move, where a test can stop the world."""

from __future__ import annotations

from collections.abc import Callable

# Only tests set this: to kill the process, to raise, or to see which points were passed.
on_reach: Callable[[str], None] | None = None


def checkpoint(name: str) -> None:
    """Say that a step is over; does nothing unless a test listens."""
    if on_reach is not None:
        on_reach(name)
