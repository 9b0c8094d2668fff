"""The review grid: a page of small pictures that one key settles."""

from __future__ import annotations

from pathlib import Path

from cleaner.ui.surface import Surface

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

GRID = Surface(
    "grid",
    scripts=tuple(_HERE / name for name in _SCRIPTS),
    styles=(_HERE / "grid.css",),
)
