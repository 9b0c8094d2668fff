"""What the components of the page share in the browser.

A component is one script and one style sheet to Streamlit, so that each is put together from
files: what they share first, their own after it. The scripts are parts of one module; none
imports another.
"""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent
_SCRIPTS = (
    "elements.js",
    "outbox.js",
    "pictures.js",
    "frame.js",
    "holder.js",
    "keys.js",
    "memory.js",
    "mounting.js",
    "reviewer.js",
    "nameplate.js",
    "saved.js",
    "search.js",
    "verdict.js",
)


def script(*own: Path) -> str:
    """Return what the components share, and behind it the files of one of them."""
    return _joined(*(_HERE / name for name in _SCRIPTS), *own)


def nametag() -> str:
    """Return what tells the pages who sits at the browser."""
    names = ("memory.js", "mounting.js", "reviewer.js", "nametag.js")
    return _joined(*(_HERE / name for name in names))


def style(*own: Path) -> str:
    """Return the style that the components share, and behind it that of one of them."""
    return _joined(_HERE / "surface.css", *own)


def _joined(*paths: Path) -> str:
    return "\n".join(path.read_text("utf-8") for path in paths)
