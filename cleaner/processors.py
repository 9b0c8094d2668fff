"""How many processors there are to work with."""

from __future__ import annotations

import os


def available() -> int:
    """Return how many this process may use, at least 1; macOS only knows how many there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
