"""Text for the cells of CSV files that people open in a spreadsheet."""

from __future__ import annotations

import re

# A spreadsheet takes text that starts so for a formula and runs it. Apostrophes before it count
# too, so that `unguarded` knows one of ours from one that was there.
_LIKE_A_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_GUARDED = re.compile(r"'+[=+\-@\t\r\n]")


def guarded(text: str) -> str:
    """Return the text with an apostrophe before it where a spreadsheet would run it.

    >>> [guarded(text) for text in ("cats/1.jpg", "=HYPERLINK(1)/1.jpg", "'=1")]
    ['cats/1.jpg', "'=HYPERLINK(1)/1.jpg", "''=1"]
    """
    return f"'{text}" if _LIKE_A_FORMULA.match(text) else text


def unguarded(text: str) -> str:
    """Return what `guarded` was given.

    >>> [unguarded(text) for text in ("cats/1.jpg", "'=HYPERLINK(1)/1.jpg", "''=1", "=1")]
    ['cats/1.jpg', '=HYPERLINK(1)/1.jpg', "'=1", '=1']
    """
    return text[1:] if _GUARDED.match(text) else text
