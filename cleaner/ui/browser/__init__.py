"""What the components of the page share in the browser.

A component is one script to Streamlit, so that each is put together from files: what they share
first, their own after it. The files are parts of one module; none imports another.
"""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent


def script(*own: Path) -> str:
    """Return what the components share, and behind it the files of one of them."""
    shared = [_HERE / name for name in ("elements.js", "outbox.js", "pictures.js")]
    return "\n".join(path.read_text("utf-8") for path in (*shared, *own))
