"""The review deck: one component that shows suspects and takes a key for each."""

from __future__ import annotations

from pathlib import Path

from cleaner.ui.surface import Surface

_HERE = Path(__file__).parent
_SCRIPTS = ("notice.js", "numbers.js", "loupe.js", "screen.js", "evidence.js", "deck.js")

DECK = Surface(
    "deck",
    scripts=tuple(_HERE / name for name in _SCRIPTS),
    styles=(_HERE / "deck.css", _HERE / "evidence.css"),
)
